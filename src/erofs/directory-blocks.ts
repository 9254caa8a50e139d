import type { ChildIndex } from './child-index.ts';
import { rootRow } from './entry-table.ts';
import { blockSize, direntSize, direntType, typeDirectory } from './format.ts';
import type { LayerTree } from './layer-tree.ts';
import type { OutputBuffer } from './output-buffer.ts';

/** Stands for `.` and `..` among the children of a directory. */
const selfEntry = -1;
const parentEntry = -2;

/**
 * A directory as blocks of entries: in each block first the fixed parts, then the names. Names ascend bytewise over the
 * whole directory, `.` and `..` among them, because the kernel searches by halves.
 */
export class DirectoryBlocks {
  readonly #tree: LayerTree;
  readonly #children: ChildIndex;
  #row = 0;
  #start = 0;
  #count = 0;
  #selfAt = 0;
  #parentAt = 0;

  constructor(tree: LayerTree, children: ChildIndex) {
    this.#tree = tree;
    this.#children = children;
  }

  /** Bytes that the directory at `row` takes: whole blocks and what the last one uses. */
  measure(row: number): number {
    this.#select(row);
    let size = 0;
    let used = 0;
    for (let index = 0; index < this.#count; index += 1) {
      const bytes = direntSize + this.#nameLength(this.#entry(index));
      if (used + bytes > blockSize) {
        size += blockSize;
        used = 0;
      }
      used += bytes;
    }
    return size + used;
  }

  /** Writes the blocks of the directory at `row` that lie between the bytes `start` and `end` of it. */
  write(row: number, range: { readonly start: number; readonly end: number }, output: DirectoryOutput): void {
    this.#select(row);
    let size = 0;
    for (let index = 0; index < this.#count; size += blockSize) {
      const { next, used } = this.#blockFrom(index);
      if (size >= range.start && size < range.end) this.#writeBlock(index, { next, used }, output);
      index = next;
    }
  }

  #blockFrom(first: number): { readonly next: number; readonly used: number } {
    let used = 0;
    let next = first;
    while (next < this.#count) {
      const bytes = direntSize + this.#nameLength(this.#entry(next));
      if (used + bytes > blockSize) break;
      used += bytes;
      next += 1;
    }
    return { next, used };
  }

  #writeBlock(first: number, block: { readonly next: number; readonly used: number }, output: DirectoryOutput): void {
    const { buffer, nids, padBlocks } = output;
    const isLast = block.next === this.#count;
    const base = buffer.reserve(isLast && !padBlocks ? block.used : blockSize);
    let nameAt = (block.next - first) * direntSize;
    for (let index = first; index < block.next; index += 1) {
      const entry = this.#entry(index);
      const at = base + (index - first) * direntSize;
      const row = this.#rowOf(entry);
      const inode = this.#tree.table.inode[row] ?? 0;
      buffer.bytes.writeUInt32LE(nids[inode] ?? 0, at);
      buffer.bytes.writeUInt16LE(nameAt, at + 8);
      buffer.bytes[at + 10] = direntType(this.#tree.inodes.mode[inode] ?? typeDirectory);
      nameAt += this.#writeName(entry, buffer.bytes, base + nameAt);
    }
  }

  #writeName(entry: number, bytes: Buffer, at: number): number {
    const length = this.#nameLength(entry);
    if (entry < 0) bytes.write(entry === selfEntry ? '.' : '..', at, 'latin1');
    else {
      const start = this.#tree.table.nameAt[entry] ?? 0;
      this.#tree.table.names.bytes.copy(bytes, at, start, start + length);
    }
    return length;
  }

  #rowOf(entry: number): number {
    if (entry === selfEntry) return this.#row;
    return entry === parentEntry ? (this.#tree.table.parent[this.#row] ?? rootRow) : entry;
  }

  #nameLength(entry: number): number {
    return entry < 0 ? -entry : (this.#tree.table.nameLength[entry] ?? 0);
  }

  #select(row: number): void {
    this.#row = row;
    this.#start = this.#children.start(row);
    this.#count = this.#children.end(row) - this.#start + 2;
    this.#selfAt = this.#countBefore('.');
    this.#parentAt = this.#countBefore('..') + 1;
  }

  /** Children whose name sorts before `text`. */
  #countBefore(text: string): number {
    let count = 0;
    while (count < this.#count - 2 && this.#tree.table.name(this.#children.rows[this.#start + count] ?? 0) < text) {
      count += 1;
    }
    return count;
  }

  #entry(index: number): number {
    if (index === this.#selfAt) return selfEntry;
    if (index === this.#parentAt) return parentEntry;
    const skipped = (index > this.#selfAt ? 1 : 0) + (index > this.#parentAt ? 1 : 0);
    return this.#children.rows[this.#start + index - skipped] ?? 0;
  }
}

export interface DirectoryOutput {
  readonly buffer: OutputBuffer;
  /** The number of each inode. */
  readonly nids: Uint32Array;
  /** True where the last block is written to its full length. */
  readonly padBlocks: boolean;
}
