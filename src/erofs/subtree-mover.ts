import { flagDead, flagImplied, flagOpaque, rootRow } from './entry-table.ts';
import { typeDirectory } from './format.ts';
import type { LayerTree } from './layer-tree.ts';

/** Moves what stands below one directory of a layer below another. */
export class SubtreeMover {
  readonly #tree: LayerTree;
  /** Row + 1 of the first child, and of the next child of the same parent; 0 ends. Filled when first needed. */
  #firstChild = new Int32Array(0);
  #nextSibling = new Int32Array(0);
  #linked = 1;

  constructor(tree: LayerTree) {
    this.#tree = tree;
  }

  /**
   * Everything below `from` is afterwards below `to`, under new row numbers, and `from` is dead. Where both have a
   * name, directories merge and of other pairs the later entry stays.
   */
  move(from: number, to: number): void {
    if (this.#tree.table.has(from, flagOpaque)) this.#tree.table.set(to, flagOpaque);
    const pairs = [{ from, to }];
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      this.#linkNewRows();
      for (let child = this.#firstChild[pair.from] ?? 0; child !== 0; child = this.#nextSibling[child - 1] ?? 0) {
        const row = child - 1;
        if (this.#tree.table.has(row, flagDead)) continue;
        const placed = this.#place(row, pair.to);
        if (placed >= 0 && this.#tree.typeOf(row) === typeDirectory) pairs.push({ from: row, to: placed });
      }
      this.#tree.table.kill(pair.from);
    }
  }

  /** The row that stands for `row` in `parent`, or -1 if something later is there. */
  #place(row: number, parent: number): number {
    const { table } = this.#tree;
    const there = table.find(parent, table.name(row));
    const isDirectory = this.#tree.typeOf(row) === typeDirectory;
    table.kill(row);
    if (there < 0) return this.#copy(row, table.insert(parent, table.name(row)));
    if (isDirectory && this.#tree.typeOf(there) === typeDirectory) return this.#merge(row, there);
    if (!this.#isLater(row, there)) return -1;
    return this.#copy(row, table.renew(there));
  }

  #copy(row: number, to: number): number {
    const { table } = this.#tree;
    table.inode[to] = table.inode[row] ?? 0;
    table.flags[to] = (table.flags[row] ?? 0) & ~flagDead;
    return to;
  }

  #merge(row: number, into: number): number {
    const { table } = this.#tree;
    if (table.has(row, flagOpaque)) table.set(into, flagOpaque);
    const describes = !table.has(row, flagImplied) && (table.has(into, flagImplied) || this.#isLater(row, into));
    if (describes) {
      table.inode[into] = table.inode[row] ?? 0;
      table.clear(into, flagImplied);
    }
    return into;
  }

  #isLater(row: number, other: number): boolean {
    return (this.#tree.table.inode[row] ?? 0) > (this.#tree.table.inode[other] ?? 0);
  }

  #linkNewRows(): void {
    const { table } = this.#tree;
    if (this.#firstChild.length < table.count) {
      this.#firstChild = lengthened(this.#firstChild, table.parent.length);
      this.#nextSibling = lengthened(this.#nextSibling, table.parent.length);
    }
    for (; this.#linked < table.count; this.#linked += 1) {
      const parent = table.parent[this.#linked] ?? rootRow;
      this.#nextSibling[this.#linked] = this.#firstChild[parent] ?? 0;
      this.#firstChild[parent] = this.#linked + 1;
    }
  }
}

function lengthened(column: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(length);
  bigger.set(column);
  return bigger;
}
