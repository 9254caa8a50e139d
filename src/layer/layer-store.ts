import type { ErofsImage, MergedTree } from '../erofs/index.ts';
import type { DiffId } from '../oci/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import type { LayerPacker } from './layer-packer.ts';
import type { LayerHolder, LayerInfo, LayerWriter, PackerOptions, WriterOptions } from './layer-writer.ts';

/**
 * Where layers live.
 *
 * A **layer** is the difference that one step made, as an uncompressed tar (OCI image-spec, layer.md). Its **diff ID**
 * is the sha256 of that tar and its name here. A **chain** is a stack of layers, given as diff IDs, lowest first. An
 * **index** is a small EROFS image that describes the tree of a layer and points into its tar; the kernel mounts the
 * pair. A layer that needs to know what lies below it (it lacks entries of its parent directories, links to a file of a
 * lower layer, or deletes something) has one index for each chain that it is the top of; any other has one index, good
 * on every chain.
 *
 * Files, below `layers/sha256/`: `<diff ID>.tar`, and `<diff ID>.erofs` or `<chain ID>.chain.erofs`, mode 0400, never
 * changed once they have this name.
 *
 * A layer that `stat` says is there can be mounted and read. Success of `commit` means that the layer is stored under its
 * diff ID, not that this call stored it: two writers of the same bytes both succeed.
 *
 * Whoever adds or uses a layer passes a {@link LayerHolder}: it is told the diff ID before its existence is looked up,
 * so that garbage collection, which may run at any time in another process, keeps what a running build relies on.
 *
 * After the machine was restarted, layers that were not made durable may have lost bytes: they are re-hashed when they
 * are first asked for, and dropped where they differ. Their indexes are made anew; those that are written for a durable
 * layer are durable at once.
 */
export interface LayerStore {
  /** What is known of a layer; undefined if it is not stored. */
  stat(diffId: DiffId): LayerInfo | undefined;

  /** True if the layer is stored, and from now on kept for `holder`. */
  hold(diffId: DiffId, holder: LayerHolder): boolean;

  /** Takes a tar's bytes as they are: a pulled or imported layer. */
  writer(options: WriterOptions): LayerWriter;

  /** Makes a layer entry by entry: a step's difference, copied files. */
  packer(options: PackerOptions): LayerPacker;

  /** The layer's tar: its path and length. Fault `not-found` if it is not stored. */
  tar(diffId: DiffId): TarFile;

  /**
   * The index of each layer of `chain`, lowest first, and the tars it points into. What is not there yet is made now.
   *
   * Fault `not-found` if a layer of the chain is missing, `invalid` if a tar is no usable layer on what lies below it.
   */
  indexes(chain: readonly DiffId[]): readonly LayerIndex[];

  /** The merged tree of `chain`, read from the indexes without any mount. Open until it is disposed. */
  tree(chain: readonly DiffId[]): OpenTree;

  /** Every stored layer. */
  list(): readonly LayerInfo[];

  /** Reads the layer's tar again: false if its hash is not its name, or it is missing. */
  verify(diffId: DiffId): boolean;

  /** Puts the layers on the disk for good (fsync), before a name is given to what they are part of. */
  makeDurable(diffIds: readonly DiffId[]): void;

  /** Moves the layer to the trash: its record, tar and indexes. Only garbage collection and repair call this. */
  remove(diffId: DiffId): void;
}

export interface TarFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface LayerIndex {
  /** The EROFS image. */
  readonly path: string;
  /** Its devices in order: the tars that it points into. */
  readonly devices: readonly string[];
}

/**
 * The merged tree of a chain, its index files and tars open: what a mount of the chain would show. An empty chain is an
 * empty root of mode 0755. Paths are relative to the root; parents are resolved through symlinks inside it.
 */
export interface OpenTree extends Disposable {
  readonly root: TreeNode;
  /** What is at `path`, a symlink itself; undefined where there is nothing. */
  lookup(path: ByteString): TreeNode | undefined;
  /** The names in a directory, bytewise sorted; none where it is no directory. */
  list(path: ByteString): readonly ByteString[];
  /** The bytes of a regular file, in pieces of at most 1 MiB, each used up before the next is asked for. */
  read(path: ByteString): Iterable<Uint8Array>;
  /** The layers' own trees, lowest first. */
  readonly images: readonly ErofsImage[];
  /** The tree as the index writer wants it; undefined for an empty chain. */
  readonly merged: MergedTree | undefined;
}

export interface TreeNode {
  readonly type: TreeNodeType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file, in bytes; 0 for all else. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly nlink: number;
  readonly xattrs: ReadonlyMap<ByteString, ByteString>;
  /** Target of a symlink; '' for all else. */
  readonly link: ByteString;
  /** Equal for two names of one file of the same layer, different for different files. */
  readonly identity: string;
}

export type TreeNodeType = 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo';
