import type { FileType } from '../../host/index.ts';
import type { ByteString, Timestamp } from '../../std/index.ts';

/**
 * Where a COPY or ADD takes from: the build context without what its ignore file leaves out, or the tree of a stage or
 * an image. Nothing leads out of it.
 *
 * Paths are relative to the root, without a leading slash; '' is the root. Parents are resolved through symlinks inside
 * the root at the moment of use; the last name is never followed. What is left out is not there, for every method.
 */
export interface SourceTree {
  /** What is at `path`, a symlink itself; undefined where there is nothing. */
  stat(path: ByteString): SourceNode | undefined;

  /** The path free of symlinks that `path` leads to, its last name followed too. */
  resolve(path: ByteString): ByteString;

  /** The names in a directory, bytewise sorted. */
  list(path: ByteString): readonly ByteString[];

  /**
   * Everything in the directory, each directory before what is in it, siblings in bytewise order: the order in which
   * records want their files. A node is good until the next one is asked for, that of a directory as long as the walk is
   * in it.
   */
  walk(path: ByteString, options?: SourceWalkOptions): Iterable<SourceNode>;

  /**
   * The content of a file in pieces, each used up before the next is asked for and before anything is awaited. A file of
   * at most 1 MiB is one piece, an empty one none. Fault `conflict` if it has not the size that the node tells.
   */
  read(node: SourceNode): Iterable<Uint8Array>;

  /** The sha256 of the file's content (32 bytes) where it is known without reading. */
  knownHash(node: SourceNode): ByteString | undefined;

  /** Says what `knownHash` may answer from now on. Where it pays to, it is kept for later builds. */
  remember(node: SourceNode, hash: ByteString): void;

  /** Keeps what was remembered so far. */
  flush(): void;
}

export interface SourceWalkOptions {
  /** Asked of each directory after it was given: false where what is in it need not be met. It may be all the same. */
  readonly enter?: (directory: SourceNode) => boolean;
}

export interface SourceNode {
  readonly path: ByteString;
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  /** Whom it belongs to in the image, unless the instruction says: root, for all that comes from a context. */
  readonly uid: number;
  readonly gid: number;
  /** Of a file, in bytes; 0 for all else. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** Names that the file has, within the tree or not. */
  readonly nlink: number;
  /** Equal for two names of one file, different for different files. */
  readonly identity: string;
  /** Target of a symlink; '' for all else. */
  readonly link: ByteString;
  /** Those that a layer keeps. */
  readonly xattrs: ReadonlyMap<ByteString, ByteString>;
}

/**
 * Opens a tree to copy from when a step needs it: each call gives a tree of its own over the same files, which are there
 * until the build is over. Fault of whatever keeps it from being there.
 */
export type OpenSource = (signal: AbortSignal) => Promise<SourceTree>;

/** Largest piece that `read` gives. */
export const sourcePieceBytes = 1 << 20;
