import type { OpenTree } from '../../layer/index.ts';
import { findUser, type ContainerUser } from '../../runtime/index.ts';
import { bytesOf } from '../../std/index.ts';
import { resolveInTree } from './tree-path.ts';
import type { Owner } from './tree-writer.ts';

/** Who `user` (`name`, `uid`, `name:group`, …) is by the tree's `/etc/passwd` and `/etc/group`. */
export function userInTree(tree: OpenTree, user: string): ContainerUser {
  return findUser({ passwd: textIn(tree, '/etc/passwd'), group: textIn(tree, '/etc/group') }, user);
}

/**
 * Whom files belong to that are made for `owner`, as `--chown` and USER have it: a number without a group stands for
 * both, and root is root also where there is no user database.
 */
export function ownerInTree(tree: OpenTree, owner: string): Owner {
  if (/^\d+$/.test(owner)) return userInTree(tree, `${owner}:${owner}`);
  if (owner === 'root' && tree.lookup(bytesOf('etc/passwd')) === undefined) return { uid: 0, gid: 0 };
  return userInTree(tree, owner);
}

function textIn(tree: OpenTree, path: string): string | undefined {
  const resolved = resolveInTree(tree, bytesOf(path));
  const node = tree.lookup(resolved);
  if (node?.type !== 'file' || node.size > maxBytes) return undefined;
  return Buffer.concat([...tree.read(resolved)].map((piece) => Buffer.from(piece))).toString('utf8');
}

const maxBytes = 1 << 20;
