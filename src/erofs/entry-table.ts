import { randomBytes } from 'node:crypto';
import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { ByteArena } from './byte-arena.ts';
import { enlarged, growthFactor } from './enlarged.ts';
import type { IndexLimits } from './limits.ts';

export const rootRow = 0;

/** The row is no longer part of the layer; nor is what stands below it. */
export const flagDead = 1;
/** What lower layers have at this directory is hidden. */
export const flagOpaque = 2;
/** A directory that has no entry of its own: another entry stands below it. */
export const flagImplied = 4;
/** The row is a `.wh.NAME` mark and bears that name. */
export const flagWhiteout = 8;
/** AUFS's own bookkeeping (`.wh..wh.*`): hard links may refer to it, but it is not part of the tree. */
export const flagHidden = 16;
/** A directory that is new in this layer, whatever lower layers have there: opaque, and it inherits nothing. */
export const flagFresh = 32;

/**
 * The names of a layer: one row for each, in columns, and a hash table from (parent, name) to the row.
 *
 * A parent's number is always lower than its children's. A row that is replaced by something of another kind gets a new
 * number, so that what stood below it is out of reach. No object is made for a row: a million rows cost 15 MB and the
 * bytes of their names.
 */
export class EntryTable {
  count = 0;
  parent: Int32Array<ArrayBuffer> = new Int32Array(initialRows);
  nameAt: Uint32Array<ArrayBuffer> = new Uint32Array(initialRows);
  /** A whiteout's name is up to 259 bytes long. */
  nameLength: Uint16Array<ArrayBuffer> = new Uint16Array(initialRows);
  inode: Uint32Array<ArrayBuffer> = new Uint32Array(initialRows);
  flags: Uint8Array<ArrayBuffer> = new Uint8Array(initialRows);
  readonly names: ByteArena;
  readonly #maxRows: number;
  /** Row + 1 for each used slot; the length is a power of two, at most half full. */
  #slots: Int32Array<ArrayBuffer> = new Int32Array(initialRows * 2);

  constructor(limits: IndexLimits) {
    this.#maxRows = limits.maxEntries;
    this.names = new ByteArena(limits.maxTextBytes);
    this.#append(rootRow, '', 0, 0);
  }

  /** The row called `text[start, end)` in `parent`, or -1. */
  find(parent: number, text: string, start = 0, end = text.length): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashText(parent, text, start, end) & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] ?? 0) - 1;
      if (row < 0) return -1;
      if (this.parent[row] === parent && this.#isAlive(row) && this.#isNamed(row, text, start, end)) return row;
    }
  }

  /** Adds a row that is known to be absent. Its inode and flags are 0. */
  insert(parent: number, text: string, start = 0, end = text.length): number {
    if (this.count * 2 >= this.#slots.length) this.#rehash();
    const row = this.#append(parent, text, start, end);
    this.#slots[this.#freeSlot(hashText(parent, text, start, end))] = row + 1;
    return row;
  }

  /** Kills `row` and gives its name to a new one. */
  renew(row: number): number {
    const parent = this.parent[row] ?? 0;
    const name = this.name(row);
    const slot = this.#slotOf(row, hashText(parent, name, 0, name.length));
    this.kill(row);
    const fresh = this.#append(parent, name, 0, name.length);
    this.#slots[slot] = fresh + 1;
    return fresh;
  }

  kill(row: number): void {
    this.flags[row] = (this.flags[row] ?? 0) | flagDead;
  }

  has(row: number, flag: number): boolean {
    return ((this.flags[row] ?? 0) & flag) !== 0;
  }

  set(row: number, flag: number): void {
    this.flags[row] = (this.flags[row] ?? 0) | flag;
  }

  clear(row: number, flag: number): void {
    this.flags[row] = (this.flags[row] ?? 0) & ~flag;
  }

  name(row: number): ByteString {
    return this.names.text(this.nameAt[row] ?? 0, this.nameLength[row] ?? 0);
  }

  /** The names from the root down to `row`, joined with slashes; '' for the root. */
  path(row: number): ByteString {
    const parts: ByteString[] = [];
    for (let each = row; each !== rootRow; each = this.parent[each] ?? 0) parts.push(this.name(each));
    return parts.toReversed().join('/') as ByteString;
  }

  /** Gives up the hash table: from now on names are neither found nor added. */
  seal(): void {
    this.#slots.buffer.transfer(0);
  }

  /** Gives all memory back; the table is of no use afterwards. */
  release(): void {
    const columns = [this.parent, this.nameAt, this.nameLength, this.inode, this.flags, this.#slots, this.names.bytes];
    for (const { buffer } of columns) if (!buffer.detached) buffer.transfer(0);
  }

  /** Marks dead whatever stands below a dead row. */
  spreadDeath(): void {
    for (let row = 1; row < this.count; row += 1) {
      if (this.has(this.parent[row] ?? 0, flagDead)) this.kill(row);
    }
  }

  /** Negative, zero or positive as row `a`'s name sorts before, with or after `b`'s, bytewise. */
  compareNames(a: number, b: number): number {
    const bytes = this.names.bytes;
    const startA = this.nameAt[a] ?? 0;
    const startB = this.nameAt[b] ?? 0;
    const lengthA = this.nameLength[a] ?? 0;
    const lengthB = this.nameLength[b] ?? 0;
    const shared = Math.min(lengthA, lengthB);
    for (let index = 0; index < shared; index += 1) {
      const difference = (bytes[startA + index] ?? 0) - (bytes[startB + index] ?? 0);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  #append(parent: number, text: string, start: number, end: number): number {
    const row = this.count;
    if (row >= this.#maxRows) throw new Fault('exhausted', `index the layer: more than ${this.#maxRows} names`);
    if (row === this.parent.length) this.#growColumns();
    this.parent[row] = parent;
    this.nameAt[row] = this.names.append(text, start, end);
    this.nameLength[row] = end - start;
    this.count = row + 1;
    return row;
  }

  #growColumns(): void {
    const rows = this.parent.length * growthFactor;
    this.parent = new Int32Array(enlarged(this.parent.buffer, rows * 4));
    this.nameAt = new Uint32Array(enlarged(this.nameAt.buffer, rows * 4));
    this.nameLength = new Uint16Array(enlarged(this.nameLength.buffer, rows * 2));
    this.inode = new Uint32Array(enlarged(this.inode.buffer, rows * 4));
    this.flags = new Uint8Array(enlarged(this.flags.buffer, rows));
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const before = this.#slots;
    this.#slots = slots;
    for (const entry of before) {
      if (entry !== 0) slots[this.#freeSlot(this.#hashRow(entry - 1))] = entry;
    }
    before.buffer.transfer(0);
  }

  #hashRow(row: number): number {
    const bytes = this.names.bytes;
    const start = this.nameAt[row] ?? 0;
    const end = start + (this.nameLength[row] ?? 0);
    let hash = hashStart(this.parent[row] ?? 0);
    for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ (bytes[index] ?? 0), hashPrime);
    return hashEnd(hash);
  }

  #freeSlot(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    return slot;
  }

  #slotOf(row: number, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== row + 1) slot = (slot + 1) & mask;
    return slot;
  }

  #isAlive(row: number): boolean {
    return ((this.flags[row] ?? 0) & flagDead) === 0;
  }

  #isNamed(row: number, text: string, start: number, end: number): boolean {
    if (this.nameLength[row] !== end - start) return false;
    const bytes = this.names.bytes;
    const at = (this.nameAt[row] ?? 0) - start;
    for (let index = start; index < end; index += 1) {
      if (bytes[at + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }
}

const initialRows = 1024;
const hashPrime = 0x01000193;
/** Secret, so that an archive cannot be made whose names all meet in one slot. */
const hashSeed = randomBytes(4).readInt32LE();

function hashText(parent: number, text: string, start: number, end: number): number {
  let hash = hashStart(parent);
  for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), hashPrime);
  return hashEnd(hash);
}

function hashStart(parent: number): number {
  return Math.imul(parent ^ hashSeed, 0x9e3779b1 | 0);
}

function hashEnd(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b | 0);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
