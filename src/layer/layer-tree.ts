import { ErofsImage, MergedTree, type MergedNode } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { bytesOf, showBytes, type ByteString } from '../std/index.ts';
import { FileReader } from './file-reader.ts';
import type { LayerIndex, OpenTree, TreeNode } from './layer-store.ts';

/** The merged tree of a chain, read from the layers' indexes and tars without any mount. */
export class LayerTree implements OpenTree {
  readonly merged: MergedTree | undefined;
  readonly #indexes: readonly FileReader[];
  readonly images: readonly ErofsImage[];
  readonly #tars = new Map<string, FileReader>();
  readonly #layers: readonly LayerIndex[];
  /** The directory that was looked in last. */
  #last: { readonly path: ByteString; readonly node: MergedNode | undefined } | undefined;

  /** `layers`: lowest first. */
  constructor(layers: readonly LayerIndex[]) {
    this.#layers = layers;
    this.#indexes = layers.map((layer) => new FileReader(layer.path));
    this.images = this.#indexes.map((file) => ErofsImage.open(file.read));
    this.merged = layers.length === 0 ? undefined : new MergedTree(this.images);
  }

  get root(): TreeNode {
    return this.merged === undefined ? emptyRoot : this.#node(this.merged.root);
  }

  lookup(path: ByteString): TreeNode | undefined {
    const found = this.#find(path);
    return found === undefined ? undefined : this.#node(found);
  }

  list(path: ByteString): readonly ByteString[] {
    const found = this.#find(path);
    if (this.merged === undefined || found?.inode.type !== 'dir') return [];
    return this.merged.list(found).map((entry) => entry.name);
  }

  *read(path: ByteString): Iterable<Uint8Array> {
    const found = this.#find(path);
    if (found?.inode.type !== 'file') throw new Fault('not-found', `read ${showBytes(path)}: there is no such file`);
    const { image, inode } = found;
    const devices = this.#layers[this.images.indexOf(image)]?.devices ?? [];
    let done = 0;
    for (const extent of image.extents(inode)) {
      yield* zeros(extent.offset - done);
      const source = extent.device === 0 ? this.#indexOf(image) : this.#tar(devices[extent.device - 1] ?? '');
      yield* pieces(source, extent.deviceOffset, extent.length);
      done = extent.offset + extent.length;
    }
    yield* zeros(inode.size - done);
  }

  [Symbol.dispose](): void {
    for (const file of [...this.#indexes, ...this.#tars.values()]) file[Symbol.dispose]();
  }

  /** Those who walk a tree ask for all that is in one directory before they go on to the next. */
  #find(path: ByteString): MergedNode | undefined {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1) as ByteString;
    if (slash <= 0 || this.merged === undefined || isSpecial(name)) return this.merged?.lookup(path);
    const directory = path.slice(0, slash) as ByteString;
    if (this.#last?.path !== directory) this.#last = { path: directory, node: this.merged.lookup(directory) };
    const { node } = this.#last;
    return node?.inode.type === 'symlink' ? this.merged.lookup(path) : node && this.merged.child(node, name);
  }

  #node({ image, inode }: MergedNode): TreeNode {
    const { type, mode, uid, gid, mtime, nlink, rdev } = inode;
    return {
      type,
      mode,
      uid,
      gid,
      size: type === 'file' ? inode.size : 0,
      mtime,
      nlink,
      rdevMajor: rdev.major,
      rdevMinor: rdev.minor,
      xattrs: withoutMarks(image.xattrs(inode)),
      link: type === 'symlink' ? image.target(inode) : none,
      identity: `${this.images.indexOf(image)}:${inode.nid}`,
    };
  }

  #indexOf(image: ErofsImage): FileReader {
    return this.#indexes[this.images.indexOf(image)] as FileReader;
  }

  #tar(path: string): FileReader {
    const open = this.#tars.get(path) ?? new FileReader(path);
    this.#tars.set(path, open);
    return open;
  }
}

const none = bytesOf('');
const pieceBytes = 1 << 20;
const zeroPiece = new Uint8Array(pieceBytes);

const emptyRoot: TreeNode = {
  type: 'dir',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { sec: 0, nsec: 0 },
  nlink: 2,
  rdevMajor: 0,
  rdevMinor: 0,
  xattrs: new Map(),
  link: none,
  identity: 'root',
};

function isSpecial(name: string): boolean {
  return name === '' || name === '.' || name === '..';
}

/** Overlay's own marks are how the index says things, not what a tree shows. */
function withoutMarks(xattrs: Map<ByteString, ByteString>): ReadonlyMap<ByteString, ByteString> {
  for (const name of xattrs.keys()) if (name.startsWith('trusted.overlay.')) xattrs.delete(name);
  return xattrs;
}

function* zeros(length: number): Iterable<Uint8Array> {
  for (let left = length; left > 0; left -= pieceBytes) yield zeroPiece.subarray(0, Math.min(left, pieceBytes));
}

function* pieces(source: FileReader, offset: number, length: number): Iterable<Uint8Array> {
  for (let done = 0; done < length; done += pieceBytes) {
    yield source.readExactly(offset + done, Math.min(length - done, pieceBytes));
  }
}
