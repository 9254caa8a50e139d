import { ErofsImage, type ErofsInode } from '../erofs/index.ts';
import type { Tree } from '../host/index.ts';
import { FileReader, type LayerIndex } from '../layer/index.ts';
import type { ByteString } from '../std/index.ts';

/**
 * Makes in `folder` a directory `name` with the tree that the kernel would show of a layer's index: deletions as
 * character devices 0/0, opaque directories with overlay's attribute. Root only.
 */
export function unpackLayer(index: LayerIndex, folder: Tree, name: ByteString): void {
  using image = new FileReader(index.path);
  const unpacking = new Unpacking(ErofsImage.open(image.read), index.devices, folder);
  try {
    unpacking.run(name);
  } finally {
    unpacking.close();
  }
}

class Unpacking {
  readonly #image: ErofsImage;
  readonly #devices: readonly string[];
  readonly #tree: Tree;
  readonly #tars = new Map<number, FileReader>();
  /** The first name of each file that has several, by inode. */
  readonly #names = new Map<number, ByteString>();

  constructor(image: ErofsImage, devices: readonly string[], tree: Tree) {
    this.#image = image;
    this.#devices = devices;
    this.#tree = tree;
  }

  run(name: ByteString): void {
    this.#node(name, this.#image.root);
  }

  close(): void {
    for (const tar of this.#tars.values()) tar[Symbol.dispose]();
  }

  #children(directory: ErofsInode, prefix: string): void {
    for (const { name, nid } of this.#image.readdir(directory)) {
      this.#node(`${prefix}${name}` as ByteString, this.#image.inode(nid));
    }
  }

  #node(path: ByteString, inode: ErofsInode): void {
    const first = this.#names.get(inode.nid);
    if (first !== undefined) return this.#tree.link(path, first);
    if (inode.type !== 'dir' && inode.nlink > 1) this.#names.set(inode.nid, path);
    this.#create(path, inode);
    this.#tree.setOwner(path, inode.uid, inode.gid);
    for (const [name, value] of this.#image.xattrs(inode)) this.#tree.setXattr(path, name, value);
    if (inode.type !== 'symlink') this.#tree.setMode(path, inode.mode);
    if (inode.type === 'dir') this.#children(inode, `${path}/`);
    this.#tree.setTimes(path, inode.mtime);
  }

  #create(path: ByteString, inode: ErofsInode): void {
    const { type, rdev } = inode;
    if (type === 'dir') return this.#tree.mkdir(path, 0o700);
    if (type === 'symlink') return this.#tree.symlink(path, this.#image.target(inode));
    if (type === 'file') return this.#tree.writeFile(path, this.#content(inode));
    if (type === 'fifo') return this.#tree.mknod(path, { type });
    this.#tree.mknod(path, { type, major: rdev.major, minor: rdev.minor });
  }

  *#content(inode: ErofsInode): Iterable<Uint8Array> {
    let done = 0;
    for (const extent of this.#image.extents(inode)) {
      yield* zeros(extent.offset - done);
      for (let at = 0; at < extent.length; at += pieceBytes) {
        const length = Math.min(pieceBytes, extent.length - at);
        yield extent.device === 0
          ? this.#image.read(extent.deviceOffset + at, length)
          : this.#tar(extent.device).readExactly(extent.deviceOffset + at, length);
      }
      done = extent.offset + extent.length;
    }
    yield* zeros(inode.size - done);
  }

  #tar(device: number): FileReader {
    const open = this.#tars.get(device) ?? new FileReader(this.#devices[device - 1] ?? '');
    this.#tars.set(device, open);
    return open;
  }
}

const pieceBytes = 1 << 20;
const zeroPiece = new Uint8Array(pieceBytes);

function* zeros(length: number): Iterable<Uint8Array> {
  for (let left = length; left > 0; left -= pieceBytes) yield zeroPiece.subarray(0, Math.min(left, pieceBytes));
}
