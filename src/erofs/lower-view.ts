import type { ByteString } from '../std/index.ts';
import { flagOpaque, rootRow } from './entry-table.ts';
import type { LayerTree } from './layer-tree.ts';
import type { MergedEntry, MergedNode, MergedTree } from './merged-tree.ts';

/** What lower layers have at the places of a layer's rows. Looked up when asked for, and remembered. */
export class LowerView {
  readonly #tree: LayerTree;
  readonly #below: MergedTree | undefined;
  readonly #known = new Map<number, MergedNode | undefined>();

  constructor(tree: LayerTree, below: MergedTree | undefined) {
    this.#tree = tree;
    this.#below = below;
    this.#known.set(rootRow, below?.root);
  }

  get isEmpty(): boolean {
    return this.#below === undefined;
  }

  /** What is at `row`'s path and not hidden by an opaque directory above it; the row itself may hide it. */
  at(row: number): MergedNode | undefined {
    const { table } = this.#tree;
    const unknown: number[] = [];
    let known = row;
    for (; !this.#known.has(known); known = table.parent[known] ?? rootRow) unknown.push(known);
    for (const each of unknown.toReversed()) {
      this.#known.set(each, this.child(table.parent[each] ?? rootRow, table.name(each)));
    }
    return this.#known.get(row);
  }

  /** What lower layers have under `name` in the directory at `row`. */
  child(row: number, name: ByteString): MergedNode | undefined {
    if (this.#below === undefined || this.#tree.table.has(row, flagOpaque)) return undefined;
    const directory = this.at(row);
    return directory === undefined ? undefined : this.#below.child(directory, name);
  }

  /** What lower layers have in the root. */
  rootEntries(): readonly MergedEntry[] {
    return this.#below === undefined ? [] : this.#below.list(this.#below.root);
  }
}
