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
    const compare = (a: number, b: number): number => table.compareNames(a, b);
    for (let parent = 0; parent < table.count; parent += 1) {
      const group = this.rows.subarray(this.start(parent), this.end(parent));
      if (group.length > 1 && !isSorted(group, compare)) group.sort(compare);
    }
  }
}

function increment(counts: Uint32Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

function isSorted(group: Uint32Array, compare: (a: number, b: number) => number): boolean {
  for (let index = 1; index < group.length; index += 1) {
    if (compare(group[index - 1] ?? 0, group[index] ?? 0) > 0) return false;
  }
  return true;
}
