import { bytesFrom } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { corrupt } from './corrupt.ts';
import { joinedExtents } from './erofs-extent.ts';
import type { ErofsExtent } from './erofs-extent.ts';
import {
  blockSize,
  chunkFormatBits,
  chunkFormatIndexes,
  chunkIndexSize,
  inodeSize,
  layoutChunks,
  layoutInline,
  layoutPlain,
  nullAddress,
  roundUp,
  slotSize,
  xattrHeaderSize,
} from './format.ts';
import { readDirents } from './read-dirents.ts';
import type { ErofsDirent } from './read-dirents.ts';
import { readInode } from './read-inode.ts';
import type { ErofsInode } from './read-inode.ts';
import { readSuperblock } from './superblock.ts';
import type { Superblock } from './superblock.ts';
import { WindowReader } from './window-reader.ts';
import type { ReadBytes } from './window-reader.ts';
import { decodeXattrs } from './xattr-codec.ts';

/**
 * Reads an image that this module wrote, without a mount. Holds the superblock and one small window of bytes, nothing
 * else; every answer is read anew.
 *
 * The image is not trusted: whatever does not add up is a Fault of code `corrupt`, from any method. A cycle of
 * directories is not noticed here; who walks a tree sets a limit to its depth.
 */
export class ErofsImage {
  readonly root: ErofsInode;
  /** The tars that the image points into, in the order in which a mount must name them. */
  readonly devices: Superblock['devices'];
  /** True if the layer had an entry for `/`: its metadata are the layer's own, not a default. */
  readonly describesRoot: boolean;
  readonly #reader: WindowReader;
  readonly #superblock: Superblock;

  private constructor(reader: WindowReader, superblock: Superblock) {
    this.#reader = reader;
    this.#superblock = superblock;
    this.devices = superblock.devices;
    this.describesRoot = superblock.describesRoot;
    this.root = this.inode(superblock.rootNid);
    if (this.root.type !== 'dir') throw corrupt('its root is not a directory');
  }

  /** `read` returns the bytes asked for, fewer only at the image's end. It stays in use as long as the image does. */
  static open(read: ReadBytes): ErofsImage {
    const reader = new WindowReader(read);
    return new ErofsImage(reader, readSuperblock(reader));
  }

  /** Bytes of the image that its superblock accounts for. */
  get sizeBytes(): number {
    return this.#superblock.blocks * blockSize;
  }

  inode(nid: number): ErofsInode {
    const at = nid * slotSize;
    const inode = readInode(this.#metadata(at, inodeSize), nid);
    if (inode.type === 'dir' && inode.size > this.sizeBytes) throw corrupt(`directory ${nid} is larger than the image`);
    return inode;
  }

  xattrs(inode: ErofsInode): Map<ByteString, ByteString> {
    if (inode.xattrSize <= xattrHeaderSize) return new Map();
    const body = this.#metadata(inode.nid * slotSize + inodeSize, inode.xattrSize);
    return decodeXattrs(body.subarray(xattrHeaderSize));
  }

  /** The target of a symlink. */
  target(inode: ErofsInode): ByteString {
    if (inode.type !== 'symlink' || inode.size > 4095) throw corrupt(`inode ${inode.nid} is no symlink`);
    const head = this.#content(inode, 0, Math.min(inode.size, roundDown(inode.size)));
    const tail = this.#content(inode, roundDown(inode.size), inode.size);
    return `${bytesFrom(head)}${bytesFrom(tail)}` as ByteString;
  }

  /** The inode called `name` in `directory`; undefined if there is none. `.` and `..` are names like others. */
  lookup(directory: ErofsInode, name: ByteString): ErofsInode | undefined {
    let low = 0;
    let high = Math.ceil(directory.size / blockSize) - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const entries = this.#direntBlock(directory, middle);
      const [first] = entries;
      if (first === undefined) throw corrupt(`directory ${directory.nid} has an empty block`);
      if (name < first.name) high = middle - 1;
      else {
        const found = entries.find((entry) => entry.name === name);
        if (found !== undefined) return this.inode(found.nid);
        low = middle + 1;
        if (name < (entries.at(-1)?.name ?? '')) return undefined;
      }
    }
    return undefined;
  }

  /** The entries of `directory` in bytewise order, without `.` and `..`. */
  *readdir(directory: ErofsInode): Generator<ErofsDirent> {
    if (directory.type !== 'dir') throw corrupt(`inode ${directory.nid} is no directory`);
    for (let block = 0; block * blockSize < directory.size; block += 1) {
      for (const entry of this.#direntBlock(directory, block)) {
        if (entry.name !== '.' && entry.name !== '..') yield entry;
      }
    }
  }

  /** Where a file's bytes are, ascending; adjacent stretches are joined. */
  *extents(inode: ErofsInode): Generator<ErofsExtent> {
    if (inode.type !== 'file' || inode.size === 0) return;
    if (inode.layout === layoutPlain) yield this.#resolve(0, inode.size, inode.union);
    else if (inode.layout === layoutChunks) yield* joinedExtents(this.#chunks(inode));
    else throw corrupt(`file ${inode.nid} has its content inline`);
  }

  /** Bytes of the image itself: content that an extent with device 0 names. */
  read(offset: number, length: number): Uint8Array {
    return this.#reader.bytes(offset, length);
  }

  *#chunks(inode: ErofsInode): Generator<ErofsExtent> {
    if ((inode.union & ~(chunkFormatIndexes | chunkFormatBits)) !== 0 || (inode.union & chunkFormatIndexes) === 0) {
      throw corrupt(`file ${inode.nid} has an unknown chunk format`);
    }
    const chunkSize = blockSize * 2 ** (inode.union & chunkFormatBits);
    const table = roundUp(inode.nid * slotSize + inodeSize + inode.xattrSize, chunkIndexSize);
    for (let offset = 0; offset < inode.size; offset += chunkSize) {
      const index = this.#metadata(table + (offset / chunkSize) * chunkIndexSize, chunkIndexSize);
      const block = index.readUInt32LE(4);
      if (block === nullAddress) continue;
      const length = Math.min(chunkSize, inode.size - offset);
      yield this.#inDevice({ offset, length, device: index.readUInt16LE(2), deviceOffset: block * blockSize });
    }
  }

  /** Turns an address of the one address space into a device and an offset. */
  #resolve(offset: number, length: number, block: number): ErofsExtent {
    const { blocks, devices } = this.#superblock;
    if (block < blocks) return this.#inDevice({ offset, length, device: 0, deviceOffset: block * blockSize });
    const index = devices.findIndex((each) => block >= each.firstBlock && block < each.firstBlock + each.blocks);
    const found = devices[index];
    if (found === undefined) throw corrupt(`block ${block} is in no device`);
    return this.#inDevice({ offset, length, device: index + 1, deviceOffset: (block - found.firstBlock) * blockSize });
  }

  #inDevice(extent: ErofsExtent): ErofsExtent {
    const { blocks, devices } = this.#superblock;
    const available = extent.device === 0 ? blocks : (devices[extent.device - 1]?.blocks ?? 0);
    if (extent.deviceOffset + extent.length > available * blockSize) throw corrupt('a file ends outside its device');
    return extent;
  }

  #direntBlock(directory: ErofsInode, block: number): ErofsDirent[] {
    const end = Math.min((block + 1) * blockSize, directory.size);
    return readDirents(this.#content(directory, block * blockSize, end), directory.nid);
  }

  /** Content bytes `[start, end)`, which lie in one block, or are whole blocks, of a directory or symlink. */
  #content(inode: ErofsInode, start: number, end: number): Buffer {
    const inTail = inode.layout === layoutInline && start >= roundDown(inode.size);
    if (!inTail && inode.layout === layoutChunks) throw corrupt(`inode ${inode.nid} has its content in chunks`);
    if (!inTail) return this.#metadata(inode.union * blockSize + start, end - start);
    return this.#metadata(inode.nid * slotSize + inodeSize + inode.xattrSize + (start % blockSize), end - start);
  }

  #metadata(at: number, length: number): Buffer {
    if (at + length > this.sizeBytes) throw corrupt(`offset ${at} is outside the image`);
    return this.#reader.bytes(at, length);
  }
}

function roundDown(size: number): number {
  return size - (size % blockSize);
}
