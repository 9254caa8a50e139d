import { Fault } from '../errors/index.ts';
import { bytesFrom } from '../std/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import {
  blockSize,
  chunkFormatBits,
  chunkFormatIndexes,
  chunkIndexSize,
  decodeDevice,
  direntSize,
  inodeSize,
  layoutChunks,
  layoutInline,
  layoutPlain,
  nullAddress,
  roundUp,
  slotSize,
  typeBlock,
  typeChar,
  typeDirectory,
  typeFifo,
  typeMask,
  typeRegular,
  typeSymlink,
  xattrHeaderSize,
} from './format.ts';
import { readSuperblock } from './superblock.ts';
import type { Superblock } from './superblock.ts';
import { WindowReader } from './window-reader.ts';
import type { ReadBytes } from './window-reader.ts';
import { decodeXattrs } from './xattr-codec.ts';

export type InodeType = 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo';

/** An inode as the image has it. A char device 0:0 is a whiteout. */
export interface ErofsInode {
  /** Unique in its image, as `st_ino` of the mounted tree shows it. */
  readonly nid: number;
  readonly type: InodeType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file or of a symlink's target; of a directory what its entries take. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly nlink: number;
  readonly rdev: { readonly major: number; readonly minor: number };
  readonly layout: number;
  /** Address, chunk format or device number, as the layout and type say. */
  readonly union: number;
  readonly xattrSize: number;
}

export interface ErofsDirent {
  readonly name: ByteString;
  readonly nid: number;
}

/** A stretch of a file's bytes: `device` 0 is the image itself, n is `devices[n - 1]`. Holes are left out. */
export interface ErofsExtent {
  readonly offset: number;
  readonly length: number;
  readonly device: number;
  readonly deviceOffset: number;
}

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
    const raw = this.#metadata(at, inodeSize);
    const format = raw.readUInt16LE(0);
    const words = raw.readUInt16LE(2);
    const mode = raw.readUInt16LE(4);
    const union = raw.readUInt32LE(16);
    const layout = format >> 1;
    if ((format & 1) !== 1 || ![layoutPlain, layoutInline, layoutChunks].includes(layout)) {
      throw corrupt(`inode ${nid} has the unknown format ${format}`);
    }
    const size = readSize(raw, 8);
    const type = inodeTypeOf(mode, nid);
    if (type === 'dir' && size > this.sizeBytes) throw corrupt(`directory ${nid} is larger than the image`);
    const nsec = raw.readUInt32LE(40);
    if (nsec >= 1e9) throw corrupt(`inode ${nid} has no valid time`);
    return {
      nid,
      type,
      mode: mode & 0o7777,
      uid: raw.readUInt32LE(24),
      gid: raw.readUInt32LE(28),
      size,
      mtime: { sec: raw.readInt32LE(36) * 2 ** 32 + raw.readUInt32LE(32), nsec },
      nlink: raw.readUInt32LE(44),
      rdev: isDevice(mode) ? decodeDevice(union) : { major: 0, minor: 0 },
      layout,
      union,
      xattrSize: words === 0 ? 0 : xattrHeaderSize + (words - 1) * 4,
    };
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
    else if (inode.layout === layoutChunks) yield* this.#chunks(inode);
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
    let before: ErofsExtent | undefined;
    for (let offset = 0; offset < inode.size; offset += chunkSize) {
      const index = this.#metadata(table + (offset / chunkSize) * chunkIndexSize, chunkIndexSize);
      const block = index.readUInt32LE(4);
      if (block === nullAddress) continue;
      const length = Math.min(chunkSize, inode.size - offset);
      const extent = this.#inDevice({ offset, length, device: index.readUInt16LE(2), deviceOffset: block * blockSize });
      if (before !== undefined && follows(before, extent)) before = { ...before, length: before.length + length };
      else {
        if (before !== undefined) yield before;
        before = extent;
      }
    }
    if (before !== undefined) yield before;
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
    const raw = this.#content(directory, block * blockSize, end);
    const count = raw.length < direntSize ? 0 : Math.floor(raw.readUInt16LE(8) / direntSize);
    if (count === 0 || count * direntSize > raw.length) throw corrupt(`directory ${directory.nid} has a broken block`);
    return Array.from({ length: count }, (_, index) => direntAt(raw, index, count));
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

function direntAt(raw: Buffer, index: number, count: number): ErofsDirent {
  const at = index * direntSize;
  const nameAt = raw.readUInt16LE(at + 8);
  const isLast = index === count - 1;
  let nameEnd = isLast ? raw.length : raw.readUInt16LE(at + direntSize + 8);
  if (isLast) {
    const zero = raw.indexOf(0, nameAt);
    if (zero >= 0) nameEnd = zero;
  }
  if (nameAt >= nameEnd || nameEnd > raw.length || nameEnd - nameAt > 255)
    throw corrupt('a directory has a broken name');
  return { name: bytesFrom(raw, nameAt, nameEnd), nid: readSize(raw, at) };
}

function follows(before: ErofsExtent, extent: ErofsExtent): boolean {
  const isAdjacent = before.offset + before.length === extent.offset;
  return isAdjacent && before.device === extent.device && before.deviceOffset + before.length === extent.deviceOffset;
}

function readSize(raw: Buffer, at: number): number {
  const high = raw.readUInt32LE(at + 4);
  if (high >= 2 ** 21) throw corrupt('a number is out of range');
  return high * 2 ** 32 + raw.readUInt32LE(at);
}

function roundDown(size: number): number {
  return size - (size % blockSize);
}

function isDevice(mode: number): boolean {
  return (mode & typeMask) === typeChar || (mode & typeMask) === typeBlock;
}

function inodeTypeOf(mode: number, nid: number): InodeType {
  switch (mode & typeMask) {
    case typeRegular:
      return 'file';
    case typeDirectory:
      return 'dir';
    case typeSymlink:
      return 'symlink';
    case typeChar:
      return 'char';
    case typeBlock:
      return 'block';
    case typeFifo:
      return 'fifo';
    default:
      throw corrupt(`inode ${nid} has an unknown type`);
  }
}

function corrupt(what: string): Fault {
  return new Fault('corrupt', `read an EROFS image: ${what}`);
}
