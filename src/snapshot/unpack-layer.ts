import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import { ErofsImage, type ErofsExtent, type ErofsInode } from '../erofs/index.ts';
import { faulting, type Tree } from '../host/index.ts';
import { FileReader, type LayerIndex } from '../layer/index.ts';
import type { ByteString } from '../std/index.ts';

/**
 * Makes in `folder` a directory `name` with the tree that the kernel would show of a layer's index: deletions as
 * character devices 0/0, opaque directories with overlay's attribute, holes as holes. Root only.
 */
export function unpackLayer(index: LayerIndex, folder: Tree, name: ByteString): void {
  using image = new FileReader(index.path);
  using unpacking = new Unpacking(ErofsImage.open(image.read), index.devices, folder);
  unpacking.run(name);
}

class Unpacking implements Disposable {
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

  [Symbol.dispose](): void {
    for (const tar of this.#tars.values()) tar[Symbol.dispose]();
  }

  /**
   * The order matters: a change of owner clears setuid bits and capabilities, and whatever is made in a directory changes
   * its time.
   */
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

  #children(directory: ErofsInode, prefix: string): void {
    for (const { name, nid } of this.#image.readdir(directory)) {
      this.#node(`${prefix}${name}` as ByteString, this.#image.inode(nid));
    }
  }

  #create(path: ByteString, inode: ErofsInode): void {
    const { type, rdev } = inode;
    if (type === 'dir') return this.#tree.mkdir(path, 0o700);
    if (type === 'symlink') return this.#tree.symlink(path, this.#image.target(inode));
    if (type === 'file') return this.#file(path, inode);
    if (type === 'fifo') return this.#tree.mknod(path, { type });
    this.#tree.mknod(path, { type, major: rdev.major, minor: rdev.minor });
  }

  #file(path: ByteString, inode: ErofsInode): void {
    const fd = this.#tree.createFile(path);
    try {
      faulting('write', path, () => {
        for (const extent of this.#image.extents(inode)) this.#write(fd, extent);
        ftruncateSync(fd, inode.size);
      });
    } finally {
      closeSync(fd);
    }
  }

  #write(fd: number, { offset, length, device, deviceOffset }: ErofsExtent): void {
    for (let at = 0; at < length; at += pieceBytes) {
      const piece = this.#bytes(device, deviceOffset + at, Math.min(pieceBytes, length - at));
      for (let done = 0; done < piece.length;) {
        done += writeSync(fd, piece, done, piece.length - done, offset + at + done);
      }
    }
  }

  /** Device 0 is the image itself. */
  #bytes(device: number, offset: number, length: number): Uint8Array {
    return device === 0 ? this.#image.read(offset, length) : this.#tar(device).readExactly(offset, length);
  }

  #tar(device: number): FileReader {
    const open = this.#tars.get(device) ?? new FileReader(this.#devices[device - 1] ?? '');
    this.#tars.set(device, open);
    return open;
  }
}

const pieceBytes = 1 << 20;
