import type { ByteString } from '../std/index.ts';
import { flagDead, flagOpaque, flagWhiteout, rootRow } from './entry-table.ts';
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
  const whiteouts = collectWhiteouts(tree);
  for (const row of whiteouts) yieldToEntry(tree, row);
  hideLowerRoot(tree, lower);
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

function yieldToEntry(tree: LayerTree, row: number): void {
  const { table } = tree;
  const entry = table.find(table.parent[row] ?? rootRow, targetName(tree, row));
  if (entry < 0) return;
  table.kill(row);
  if (tree.typeOf(entry) === typeDirectory) table.set(entry, flagOpaque);
}

/** Overlayfs knows no opaque root: each lower name is hidden by itself. */
function hideLowerRoot(tree: LayerTree, lower: LowerView): void {
  const { table } = tree;
  if (!table.has(rootRow, flagOpaque)) return;
  table.clear(rootRow, flagOpaque);
  for (const name of lower.rootNames()) {
    const row = table.find(rootRow, name);
    if (row < 0) addWhiteout(tree, rootRow, name);
    else if (tree.typeOf(row) === typeDirectory) table.set(row, flagOpaque);
  }
}

function addWhiteout(tree: LayerTree, parent: number, name: ByteString): void {
  const row = tree.table.insert(parent, name);
  tree.table.inode[row] = whiteoutInode(tree);
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

/** All whiteouts of one pass are links to one inode. */
function whiteoutInode({ inodes }: LayerTree): number {
  return inodes.add({ mode: typeChar, uid: 0, gid: 0, mtime: { sec: 0, nsec: 0 } });
}
