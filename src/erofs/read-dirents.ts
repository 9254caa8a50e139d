import { bytesFrom } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { corrupt, readUInt53 } from './corrupt.ts';
import { direntSize } from './format.ts';

export interface ErofsDirent {
  readonly name: ByteString;
  readonly nid: number;
}

/** The entries in one block of the directory `nid`; at least one. */
export function readDirents(raw: Buffer, nid: number): ErofsDirent[] {
  const count = raw.length < direntSize ? 0 : Math.floor(raw.readUInt16LE(8) / direntSize);
  if (count === 0 || count * direntSize > raw.length) throw corrupt(`directory ${nid} has a broken block`);
  return Array.from({ length: count }, (_, index) => direntAt(raw, index, count));
}

/** A name ends where the next begins; the block's last at a zero byte or with the block. */
function direntAt(raw: Buffer, index: number, count: number): ErofsDirent {
  const at = index * direntSize;
  const start = raw.readUInt16LE(at + 8);
  const isLast = index === count - 1;
  const zero = isLast ? raw.indexOf(0, start) : -1;
  const bound = isLast ? raw.length : raw.readUInt16LE(at + direntSize + 8);
  const end = zero >= 0 ? zero : bound;
  if (start >= end || end > raw.length || end - start > 255) throw corrupt('a directory has a broken name');
  return { name: bytesFrom(raw, start, end), nid: readUInt53(raw, at) };
}
