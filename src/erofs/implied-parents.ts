import { Fault } from '../errors/index.ts';
import { flagDead, flagFresh, flagImplied, rootRow } from './entry-table.ts';
import { typeDirectory } from './format.ts';
import type { LayerTree } from './layer-tree.ts';
import { fileMode } from './lower-meta.ts';
import type { LowerView } from './lower-view.ts';
import type { MergedNode } from './merged-tree.ts';
import { SubtreeMover } from './subtree-mover.ts';
import { encodeXattrs, keptXattrs } from './xattr-codec.ts';

/**
 * Gives every directory that has no entry of its own what the layers below say: owner, mode, time and attributes where
 * they have a directory; another place where they have a symlink, to which everything below it then moves.
 */
export function resolveImpliedParents(tree: LayerTree, lower: LowerView): void {
  if (lower.isEmpty) return;
  const { table } = tree;
  const mover = new SubtreeMover(tree);
  /** How many lower symlinks led to a row: a loop of them ends here. */
  const symlinks = new Map<number, number>();
  for (let row = rootRow; row < table.count; row += 1) {
    if (row !== rootRow && table.has(table.parent[row] ?? rootRow, flagDead)) table.kill(row);
    if (!table.has(row, flagImplied) || table.has(row, flagDead | flagFresh)) continue;
    if (tree.typeOf(row) !== typeDirectory) continue;
    const node = lower.at(row);
    if (node?.inode.type === 'dir') takeMetadata(tree, row, node);
    else if (node?.inode.type === 'symlink') followLower({ tree, mover, symlinks }, row, node);
  }
}

function takeMetadata(tree: LayerTree, row: number, { image, inode }: MergedNode): void {
  const own = tree.table.inode[row] ?? 0;
  tree.inodes.setMeta(own, { ...inode, mode: fileMode(inode) });
  tree.inodes.setXattrs(own, encodeXattrs(keptXattrs(image.xattrs(inode))));
  if (row === rootRow && image.describesRoot) tree.table.clear(row, flagImplied);
}

interface Following {
  readonly tree: LayerTree;
  readonly mover: SubtreeMover;
  readonly symlinks: Map<number, number>;
}

function followLower({ tree, mover, symlinks }: Following, row: number, { image, inode }: MergedNode): void {
  const depth = (symlinks.get(row) ?? 0) + 1;
  if (depth > tree.limits.maxSymlinks) {
    throw new Fault('invalid', `index the layer: a path leads through more than ${tree.limits.maxSymlinks} symlinks`);
  }
  const parent = tree.table.parent[row] ?? rootRow;
  const target = image.target(inode);
  const names = target.split('/').filter((name) => name !== '' && name !== '.');
  tree.countSymlinkSteps(names.length + 1);
  const firstNew = tree.table.count;
  // The row makes way first: what moves may bear its name, and its name in the target is a loop.
  tree.table.kill(row);
  const destination = tree.enter(target.startsWith('/') ? rootRow : parent, names);
  for (let made = firstNew; made < tree.table.count; made += 1) symlinks.set(made, depth);
  mover.move(row, destination);
}
