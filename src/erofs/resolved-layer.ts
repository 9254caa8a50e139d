import { dropOverruledWhiteouts, hideLowerRoot, resolveDeletions } from './deletions.ts';
import { flagDead, flagHidden, flagImplied, flagOpaque, rootRow } from './entry-table.ts';
import type { EntryTable } from './entry-table.ts';
import { typeDirectory } from './format.ts';
import { resolveImpliedParents } from './implied-parents.ts';
import type { LayerTree } from './layer-tree.ts';
import { LowerView } from './lower-view.ts';
import { resolveLowerLinks } from './lower-links.ts';
import type { ContentSource } from './lower-links.ts';
import type { MergedTree } from './merged-tree.ts';

/** What content of the layer is in, besides its own tar. */
export interface ResolvedLayer {
  readonly sources: readonly ContentSource[];
}

/**
 * Turns what depends on the layers below into plain entries: `tree` is changed. Afterwards every alive row is part of
 * the image: implied parents have metadata, whiteouts bear the name that they hide, links have content. Rows that are
 * not part of it are dead.
 */
export function resolveLayer(tree: LayerTree, below: MergedTree | undefined): ResolvedLayer {
  const lower = new LowerView(tree, below);
  tree.table.spreadDeath();
  dropOverruledWhiteouts(tree);
  resolveImpliedParents(tree, lower);
  tree.table.spreadDeath();
  const sources = resolveLowerLinks(tree, below);
  killHidden(tree.table);
  resolveDeletions(tree, lower);
  killEmptyImplied(tree, lower);
  hideLowerRoot(tree, lower);
  return { sources };
}

function killHidden(table: EntryTable): void {
  for (let row = 1; row < table.count; row += 1) if (table.has(row, flagHidden)) table.kill(row);
  table.spreadDeath();
}

/** A directory that only deletions stood in is not made where lower layers have none. */
function killEmptyImplied(tree: LayerTree, lower: LowerView): void {
  const { table } = tree;
  const children = new Uint32Array(table.count);
  for (let row = table.count - 1; row > rootRow; row -= 1) {
    if (table.has(row, flagDead)) continue;
    const isBare = table.has(row, flagImplied) && !table.has(row, flagOpaque) && children[row] === 0;
    if (isBare && tree.typeOf(row) === typeDirectory && lower.at(row)?.inode.type !== 'dir') table.kill(row);
    else children[table.parent[row] ?? 0] = (children[table.parent[row] ?? 0] ?? 0) + 1;
  }
}
