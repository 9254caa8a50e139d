import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { bytesFrom } from '../std/index.ts';
import { blockSize } from './blocks.ts';
import { parseNumber, parseOctal } from './header-numbers.ts';

/** One header block as it stands, before any extension is applied. */
export interface HeaderBlock {
  readonly dialect: 'v7' | 'ustar' | 'star' | 'gnu';
  /** The type flag's byte. */
  readonly typeFlag: number;
  readonly path: ByteString;
  readonly link: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  readonly devMajor: number;
  readonly devMinor: number;
}

/**
 * Reads a header block. Undefined for a block of zeros.
 *
 * Fault `invalid`: the checksum is wrong (the signed sum of old programs is accepted) or a numeric field holds none.
 */
export function parseHeaderBlock(block: Buffer): HeaderBlock | undefined {
  if (block[0] === 0 && isZero(block)) return undefined;
  checkSum(block);
  const dialect = dialectOf(block);
  const plain = dialect === 'v7';
  const prefix = plain ? '' : prefixOf(block, dialect);
  const name = fieldText(block, 0, 100);
  return {
    dialect,
    typeFlag: block[156] ?? 0,
    path: prefix === '' ? name : (`${prefix}/${name}` as ByteString),
    link: fieldText(block, 157, 257),
    mode: parseNumber(block, 100, 108),
    uid: parseNumber(block, 108, 116),
    gid: parseNumber(block, 116, 124),
    size: parseNumber(block, 124, 136),
    mtime: parseNumber(block, 136, 148),
    devMajor: plain ? 0 : parseNumber(block, 329, 337),
    devMinor: plain ? 0 : parseNumber(block, 337, 345),
  };
}

/** The bytes of a field up to its first NUL. */
export function fieldText(block: Buffer, start: number, end: number): ByteString {
  let stop = start;
  while (stop < end && block[stop] !== 0) stop++;
  return bytesFrom(block, start, stop);
}

/** The sum of all bytes, those of the checksum field counted as blanks. */
export function sumOf(block: Uint8Array, start = 0): number {
  let sum = 8 * 0x20;
  for (let at = start; at < start + 148; at++) sum += block[at] ?? 0;
  for (let at = start + 156; at < start + blockSize; at++) sum += block[at] ?? 0;
  return sum;
}

function checkSum(block: Buffer): void {
  const recorded = parseOctal(block, 148, 156);
  const sum = sumOf(block);
  if (recorded !== sum && recorded !== signedSum(block, sum)) {
    throw new Fault('invalid', 'the header checksum is wrong', { hint: 'this is no tar archive, or it is damaged' });
  }
}

function signedSum(block: Buffer, sum: number): number {
  let signed = sum;
  for (let at = 0; at < blockSize; at++) {
    if ((block[at] ?? 0) > 127 && (at < 148 || at >= 156)) signed -= 256;
  }
  return signed;
}

function dialectOf(block: Buffer): HeaderBlock['dialect'] {
  const magic = block.toString('latin1', 257, 265);
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  return block[508] === 0x74 && block.toString('latin1', 508, 512) === 'tar\0' ? 'star' : 'ustar';
}

function prefixOf(block: Buffer, dialect: 'ustar' | 'star' | 'gnu'): string {
  if (dialect === 'star') return fieldText(block, 345, 476);
  if (dialect === 'ustar') return block[345] === 0 ? '' : fieldText(block, 345, 500);
  return hasGnuTimes(block) ? '' : asciiPrefix(block);
}

/**
 * GNU headers hold times where ustar has the prefix. Go before 1.8 wrote a prefix there all the same, for names that
 * just did not fit: what is no number there is such a prefix.
 */
function hasGnuTimes(block: Buffer): boolean {
  try {
    if (block[345] !== 0) parseNumber(block, 345, 357);
    if (block[357] !== 0) parseNumber(block, 357, 369);
    return true;
  } catch {
    return false;
  }
}

function asciiPrefix(block: Buffer): string {
  const prefix = fieldText(block, 345, 500);
  return /[\x80-\xff]/.test(prefix) ? '' : prefix;
}

function isZero(block: Uint8Array): boolean {
  for (let at = 0; at < blockSize; at++) if (block[at] !== 0) return false;
  return true;
}
