import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { Tree } from '../host/index.ts';
import type { Locks } from '../state/index.ts';
import { bytesOf } from '../std/index.ts';
import { gitFolder, gitLockName } from './git-source.ts';

/** A repository that the store keeps so that the next fetch has less to transfer. */
export interface KeptRepository {
  /** Path below the store. */
  readonly name: string;
  /** Somebody fetches into it or checks out from it now. */
  readonly isInUse: boolean;
  /** Deletes it, unless it is in use: then false. */
  remove(): Promise<boolean>;
}

/** Those of the store in the folder `root`. */
export function keptRepositories(root: string, locks: Locks): readonly KeptRepository[] {
  const folder = gitFolder(root);
  const names = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  return names
    .filter((name) => /^[0-9a-f]{32}$/.test(name))
    .map((name) => ({
      name: `git/${name}`,
      isInUse: locks.isHeld(gitLockName(name)),
      remove: () => removeUnused(root, name, locks),
    }));
}

async function removeUnused(root: string, name: string, locks: Locks): Promise<boolean> {
  const discarded = bytesOf(`trash/git-${randomBytes(8).toString('hex')}`);
  const discard = async (): Promise<boolean> => {
    const path = join(gitFolder(root), name);
    if (!existsSync(path)) return false;
    renameSync(path, join(root, String(discarded)));
    return true;
  };
  try {
    if (!(await locks.exclusively(gitLockName(name), discard, { timeoutMs: 0 }))) return false;
  } catch (error) {
    if (Fault.is(error, 'conflict')) return false;
    throw error;
  }
  using tree = Tree.open(root);
  tree.remove(discarded);
  return true;
}
