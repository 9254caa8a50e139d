import type { OpenTree } from '../layer/index.ts';
import { findUser, type ContainerUser } from '../runtime/index.ts';
import { bytesOf } from '../std/index.ts';
import { resolveInTree } from './tree-path.ts';

/** Who `user` (`name`, `uid`, `name:group`, …) is by the tree's `/etc/passwd` and `/etc/group`. */
export function userInTree(tree: OpenTree, user: string): ContainerUser {
  return findUser({ passwd: textIn(tree, '/etc/passwd'), group: textIn(tree, '/etc/group') }, user);
}

function textIn(tree: OpenTree, path: string): string | undefined {
  const resolved = resolveInTree(tree, bytesOf(path));
  const node = tree.lookup(resolved);
  if (node?.type !== 'file' || node.size > maxBytes) return undefined;
  return Buffer.concat([...tree.read(resolved)].map((piece) => Buffer.from(piece))).toString('utf8');
}

const maxBytes = 1 << 20;
