import type { Timestamp } from '../std/index.ts';
import { corrupt, readUInt53 } from './corrupt.ts';
import {
  decodeDevice,
  layoutChunks,
  layoutInline,
  layoutPlain,
  typeBlock,
  typeChar,
  typeDirectory,
  typeFifo,
  typeMask,
  typeRegular,
  typeSymlink,
  xattrHeaderSize,
} from './format.ts';

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

/** The inode `nid` from its 64 bytes. */
export function readInode(raw: Buffer, nid: number): ErofsInode {
  const format = raw.readUInt16LE(0);
  const words = raw.readUInt16LE(2);
  const mode = raw.readUInt16LE(4);
  const union = raw.readUInt32LE(16);
  const layout = format >> 1;
  const nsec = raw.readUInt32LE(40);
  if ((format & 1) !== 1 || ![layoutPlain, layoutInline, layoutChunks].includes(layout)) {
    throw corrupt(`inode ${nid} has the unknown format ${format}`);
  }
  if (nsec >= 1e9) throw corrupt(`inode ${nid} has no valid time`);
  return {
    nid,
    type: inodeTypeOf(mode, nid),
    mode: mode & 0o7777,
    uid: raw.readUInt32LE(24),
    gid: raw.readUInt32LE(28),
    size: readUInt53(raw, 8),
    mtime: { sec: raw.readInt32LE(36) * 2 ** 32 + raw.readUInt32LE(32), nsec },
    nlink: raw.readUInt32LE(44),
    rdev: isDevice(mode) ? decodeDevice(union) : { major: 0, minor: 0 },
    layout,
    union,
    xattrSize: words === 0 ? 0 : xattrHeaderSize + (words - 1) * 4,
  };
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
