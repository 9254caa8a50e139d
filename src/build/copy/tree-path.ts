import { Fault } from '../../errors/index.ts';
import type { TreeNode } from '../../layer/index.ts';
import { showBytes, type ByteString } from '../../std/index.ts';

/** A tree as far as finding a way in it goes. */
export interface TreeLookup {
  lookup(path: ByteString): Pick<TreeNode, 'type' | 'link'> | undefined;
}

/**
 * The path, relative to the root and without symlinks, that `path` leads to in the tree, its last name followed too.
 * Names that are not there stay as they are. `..` stops at the root. Fault `invalid` for a loop of symlinks.
 */
export function resolveInTree(tree: TreeLookup, path: ByteString): ByteString {
  const done: string[] = [];
  const left = path.split('/').toReversed();
  let links = 0;
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const node = tree.lookup([...done, name].join('/') as ByteString);
    if (node?.type !== 'symlink') {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > maxLinks) throw new Fault('invalid', `resolve ${showBytes(path)}: too many levels of symbolic links`);
    if (node.link.startsWith('/')) done.length = 0;
    left.push(...node.link.split('/').toReversed());
  }
  return done.join('/') as ByteString;
}

const maxLinks = 40;
