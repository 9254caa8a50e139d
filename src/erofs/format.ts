/**
 * The EROFS on-disk format, as far as an index uses it (kernel: Documentation/filesystems/erofs.rst and
 * fs/erofs/erofs_fs.h). All numbers are little-endian.
 *
 * An image begins with 1024 unused bytes, then the superblock and the device table; the rest is ours to arrange. A
 * file's inode number ("nid") is the offset of its inode divided by 32. One address space of 512-byte blocks covers the
 * image itself and, behind it, each device in turn: a plain file says in one number where its bytes lie, in the image or
 * in a tar.
 */
export const blockBits = 9;
export const blockSize = 512;
export const slotSize = 32;
export const inodeSize = 64;
export const direntSize = 12;
export const chunkIndexSize = 8;

export const superOffset = 1024;
export const superSize = 128;
export const deviceSlotSize = 128;
export const deviceTableOffset = superOffset + superSize;
export const tagSize = 64;
export const superMagic = 0xe0f5e1e2;

export const compatChecksum = 0x1;
export const compatMtime = 0x2;
export const incompatChunkedFile = 0x4;
export const incompatDeviceTable = 0x8;

/** Data layouts of an inode: where its content is. */
export const layoutPlain = 0;
export const layoutInline = 2;
export const layoutChunks = 4;

/** `i_format` of an extended (64-byte) inode with this data layout. */
export function inodeFormat(layout: number): number {
  return 1 | (layout << 1);
}

/** Chunk indexes of 8 bytes, which name a device; the low five bits are log2(chunk size / block size). */
export const chunkFormatIndexes = 0x20;
export const chunkFormatBits = 0x1f;
/** The address of a chunk that is all zero. */
export const nullAddress = 0xffffffff;

export const xattrHeaderSize = 12;
export const xattrEntrySize = 4;

/** The file type bits of a mode. */
export const typeMask = 0o170000;
export const typeFifo = 0o010000;
export const typeChar = 0o020000;
export const typeDirectory = 0o040000;
export const typeBlock = 0o060000;
export const typeRegular = 0o100000;
export const typeSymlink = 0o120000;
export const typeSocket = 0o140000;

/** What a directory entry says of its inode's type (the kernel's FT_* numbers). */
export function direntType(mode: number): number {
  switch (mode & typeMask) {
    case typeRegular:
      return 1;
    case typeDirectory:
      return 2;
    case typeChar:
      return 3;
    case typeBlock:
      return 4;
    case typeFifo:
      return 5;
    case typeSocket:
      return 6;
    case typeSymlink:
      return 7;
    default:
      return 0;
  }
}

/** Rounds `value` up to a multiple of `unit`; both may exceed 32 bits. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Number of blocks that `sizeBytes` bytes need. */
export function blocksFor(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockSize);
}

/** A device number as `rdev` stores it (the kernel's new_encode_dev). */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

/** CRC-32C as the superblock keeps it: seeded with all ones, not inverted at the end. */
export function crc32c(bytes: Uint8Array): number {
  crcTable ??= Uint32Array.from({ length: 256 }, (_, byte) => crcOfByte(byte));
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  return crc >>> 0;
}

/** What each byte does to a sum: an index is verified whenever it is opened, and a build may open a hundred. */
let crcTable: Uint32Array | undefined;

function crcOfByte(byte: number): number {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
}
