import type { EntryTable } from './entry-table.ts';
import { flagDead, rootRow } from './entry-table.ts';

/** The alive rows of a layer by parent, each directory's in bytewise order of their names. */
export class ChildIndex {
  /** All rows but the root. Those of `parent` are `rows[starts[parent], starts[parent + 1])`. */
  readonly rows: Uint32Array;
  readonly starts: Uint32Array;

  constructor(table: EntryTable) {
    const starts = new Uint32Array(table.count + 1);
    for (let row = 1; row < table.count; row += 1) {
      if (!table.has(row, flagDead)) increment(starts, (table.parent[row] ?? rootRow) + 1);
    }
    for (let row = 0; row < table.count; row += 1) starts[row + 1] = (starts[row + 1] ?? 0) + (starts[row] ?? 0);
    this.rows = new Uint32Array(starts[table.count] ?? 0);
    this.starts = starts;
    this.#fill(table);
    this.#sort(table);
  }

  start(row: number): number {
    return this.starts[row] ?? 0;
  }

  end(row: number): number {
    return this.starts[row + 1] ?? 0;
  }

  /** `starts` itself counts while the groups fill, and is then moved back by one. */
  #fill(table: EntryTable): void {
    const { rows, starts } = this;
    for (let row = 1; row < table.count; row += 1) {
      if (table.has(row, flagDead)) continue;
      const parent = table.parent[row] ?? rootRow;
      rows[starts[parent] ?? 0] = row;
      increment(starts, parent);
    }
    starts.copyWithin(1, 0, table.count);
    starts[0] = 0;
  }

  #sort(table: EntryTable): void {
    const compare: Compare = (a, b) => table.compareNames(a, b);
    for (let parent = 0; parent < table.count; parent += 1) {
      if (this.end(parent) - this.start(parent) < 2) continue;
      const group = this.rows.subarray(this.start(parent), this.end(parent));
      if (!isSorted(group, compare)) mergeSort(group, compare);
    }
  }
}

function increment(counts: Uint32Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

function isSorted(group: Uint32Array, compare: Compare): boolean {
  for (let index = 1; index < group.length; index += 1) {
    if (compare(group[index - 1] ?? 0, group[index] ?? 0) > 0) return false;
  }
  return true;
}

type Compare = (a: number, b: number) => number;

/** Sorts with one scratch column: the built-in sort makes an array of objects of the largest directories. */
function mergeSort(rows: Uint32Array, compare: Compare): void {
  let from = rows;
  let to: Uint32Array = new Uint32Array(rows.length);
  for (let width = 1; width < rows.length; width *= 2) {
    for (let start = 0; start < rows.length; start += 2 * width) mergeRuns({ from, to, start, width }, compare);
    [from, to] = [to, from];
  }
  if (from !== rows) rows.set(from);
}

interface Runs {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly start: number;
  readonly width: number;
}

/** Merges the two runs of `width` rows that begin at `start`. */
function mergeRuns({ from, to, start, width }: Runs, compare: Compare): void {
  const middle = Math.min(start + width, from.length);
  const end = Math.min(start + 2 * width, from.length);
  let left = start;
  let right = middle;
  for (let at = start; at < end; at += 1) {
    const takesLeft = right >= end || (left < middle && compare(from[left] ?? 0, from[right] ?? 0) <= 0);
    to[at] = (takesLeft ? from[left] : from[right]) ?? 0;
    if (takesLeft) left += 1;
    else right += 1;
  }
}
