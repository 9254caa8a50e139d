import { Fault } from '../errors/index.ts';
import { errnoOf } from '../host/index.ts';
import type { Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import { findUser } from './user.ts';
import type { ContainerUser } from './user.ts';

/**
 * Who `spec` is in the root file system `tree`: `findUser` with its `/etc/passwd` and `/etc/group`, which are read
 * inside the tree whatever links they are, and only where they are regular files of at most 1 MiB.
 */
export function resolveUser(tree: Tree, spec: string, groupAdd: readonly string[] = []): ContainerUser {
  return findUser({ passwd: readIfThere(tree, 'etc/passwd'), group: readIfThere(tree, 'etc/group') }, spec, groupAdd);
}

const maxBytes = 1024 * 1024;

function readIfThere(tree: Tree, path: string): string | undefined {
  try {
    return tree.readFile(bytesOf(path), { maxBytes }).toString('utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw Fault.wrap('look up user', error);
  }
}
