import type { ByteString } from '../std/index.ts';
import { flagDead, flagFresh, flagImplied, flagOpaque, flagWhiteout, rootRow } from './entry-table.ts';
import { typeChar, typeDirectory } from './format.ts';
import type { LayerTree } from './layer-tree.ts';
import type { LowerView } from './lower-view.ts';

/**
 * Turns the layer's deletions into what overlayfs understands, and only where there is something to delete: a whiteout
 * inside a new or opaque directory would be listed as a ghost.
 *
 * A whiteout acts on lower layers only: an entry of the same name in this layer wins wherever the two stand, and a
 * directory of that name is opaque (image-spec layer.md).
 */
export function resolveDeletions(tree: LayerTree, lower: LowerView): void {
  dropOverruledWhiteouts(tree);
  const whiteouts = collectWhiteouts(tree);
  dropIdleMarks(tree, lower);
  placeWhiteouts(tree, lower, whiteouts);
}

function collectWhiteouts({ table }: LayerTree): number[] {
  const rows: number[] = [];
  for (let row = 1; row < table.count; row += 1) {
    if (table.has(row, flagWhiteout) && !table.has(row, flagDead)) rows.push(row);
  }
  return rows;
}

function targetName(tree: LayerTree, row: number): ByteString {
  return tree.table.name(row).slice('.wh.'.length) as ByteString;
}

/**
 * Where the layer itself has the name that a whiteout deletes, there is nothing left to delete but what it hides. A
 * directory that only leads to further deletions does not count as having the name.
 */
export function dropOverruledWhiteouts(tree: LayerTree): void {
  const { table } = tree;
  const whiteouts = collectWhiteouts(tree);
  if (whiteouts.length === 0) return;
  const hasEntries = rowsWithEntries(tree);
  for (const row of whiteouts) {
    const entry = table.find(table.parent[row] ?? rootRow, targetName(tree, row));
    if (entry < 0) continue;
    if (hasEntries[entry] === 0) table.kill(entry);
    else yieldToEntry(tree, row, entry);
  }
  table.spreadDeath();
}

function yieldToEntry(tree: LayerTree, whiteout: number, entry: number): void {
  tree.table.kill(whiteout);
  if (tree.typeOf(entry) === typeDirectory) tree.table.set(entry, flagFresh | flagOpaque);
}

/** By row: 1 if an entry of the archive stands at it or below it. */
function rowsWithEntries({ table }: LayerTree): Uint8Array {
  const hasEntries = new Uint8Array(table.count);
  for (let row = table.count - 1; row > rootRow; row -= 1) {
    if (!table.has(row, flagDead | flagImplied | flagWhiteout)) hasEntries[row] = 1;
    if (hasEntries[row] === 1 && !table.has(row, flagDead)) hasEntries[table.parent[row] ?? rootRow] = 1;
  }
  return hasEntries;
}

/**
 * Overlayfs knows no opaque root: each lower name is hidden by itself. Comes last: until
 * then all below the root counts as hidden, and names that only led to deletions are gone.
 */
export function hideLowerRoot(tree: LayerTree, lower: LowerView): void {
  const { table } = tree;
  if (!table.has(rootRow, flagOpaque)) return;
  table.clear(rootRow, flagOpaque);
  for (const { name, node } of lower.rootEntries()) {
    const row = table.find(rootRow, name);
    if (row < 0) table.inode[table.insert(rootRow, name)] = whiteoutInode(tree);
    else if (node.inode.type === 'dir' && tree.typeOf(row) === typeDirectory) table.set(row, flagOpaque);
  }
}

/** Parents first: below an opaque directory that hides nothing there is nothing to hide either. */
function dropIdleMarks({ table }: LayerTree, lower: LowerView): void {
  for (let row = 1; row < table.count; row += 1) {
    if (table.has(row, flagDead) || !table.has(row, flagOpaque)) continue;
    if (lower.at(row)?.inode.type !== 'dir') table.clear(row, flagOpaque);
  }
}

function placeWhiteouts(tree: LayerTree, lower: LowerView, whiteouts: readonly number[]): void {
  const { table } = tree;
  let inode = -1;
  for (const row of whiteouts) {
    if (table.has(row, flagDead)) continue;
    table.kill(row);
    const parent = table.parent[row] ?? rootRow;
    const name = targetName(tree, row);
    if (lower.child(parent, name) === undefined) continue;
    if (inode < 0) inode = whiteoutInode(tree);
    table.inode[table.insert(parent, name)] = inode;
  }
}

function whiteoutInode({ inodes }: LayerTree): number {
  return inodes.add({ mode: typeChar, uid: 0, gid: 0, mtime: { sec: 0, nsec: 0 } });
}
