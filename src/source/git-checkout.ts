import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { Tree } from '../host/index.ts';
import { bytesOf, showBytes, type ByteString, type Timestamp } from '../std/index.ts';
import type { Git } from './git-command.ts';
import { saysGit } from './git-fault.ts';
import { keptName } from './git-repository.ts';
import type { GitCommit } from './remote-sources.ts';

export interface CheckoutOptions {
  readonly git: Git;
  /** The repository that has the commit. */
  readonly cache: string;
  /** What the repository is said to come from; what submodules' addresses are relative to. */
  readonly url: string;
  /** Where to; must not be there yet. */
  readonly folder: string;
  readonly keepGitDir: boolean;
  readonly submodules: boolean;
}

export interface CheckedOut {
  readonly commit: string;
  /** When the commit was made. */
  readonly time: Timestamp;
}

/** Makes the tree of a commit, with those of its submodules. */
export async function checkOut(commit: GitCommit, options: CheckoutOptions): Promise<CheckedOut> {
  const { folder, git, keepGitDir, submodules } = options;
  const where = { gitDir: join(folder, '.git'), workTree: folder };
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  await git(['init', '--quiet'], where);
  await git(['config', 'remote.origin.url', options.url], where);
  await git(['config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*'], where);
  if (keepGitDir) await copyObjects(commit, options);
  else borrowObjects(options);
  const id = commit.tag ?? commit.commit;
  const facts = await git(
    ['log', '--no-walk', '--no-show-signature', '--format=%H %ct', `${id}^{commit}`, '--'],
    where,
  );
  const [found = '', seconds = ''] = facts.trim().split(' ');
  await git(['checkout', '--quiet', '--force', '--detach', found, '--'], where);
  if (submodules) await checkOutSubmodules(git, where);
  const time = { sec: Math.min(Math.max(Number(seconds) || 0, 0), latestSec), nsec: 0 };
  using tree = Tree.open(folder);
  if (keepGitDir) await forgetMoments(tree, git, where);
  else removeGitFiles(tree);
  setTimes(tree, time);
  return { commit: found, time };
}

/** The last second of the year 9999. */
const latestSec = 253_402_300_799;

/** The objects stay where they are: as long as the tree is written, nobody removes that repository. */
function borrowObjects({ folder, cache }: CheckoutOptions): void {
  const info = join(folder, '.git/objects/info');
  mkdirSync(info, { recursive: true });
  writeFileSync(join(info, 'alternates'), `${join(cache, 'objects')}\n`);
}

/** A repository that stands by itself, with the one commit and the branch or tag that it was asked by. */
async function copyObjects({ commit, tag, ref }: GitCommit, { git, folder, cache }: CheckoutOptions): Promise<void> {
  const kept = keptName(tag ?? commit);
  const refspec = `+${kept}:${ref ?? 'refs/varve/commit'}`;
  const quiet = ['--quiet', '--depth=1', '--no-tags', '--no-write-fetch-head', '--update-head-ok'];
  const where = { gitDir: join(folder, '.git'), workTree: folder, protocols: ['file'] };
  await git(['fetch', ...quiet, '--no-recurse-submodules', '--', `file://${encodeURI(cache)}`, refspec], where);
}

interface Place {
  readonly gitDir: string;
  readonly workTree: string;
}

/** Servers that give no single commit are asked for all of them. */
async function checkOutSubmodules(git: Git, where: Place): Promise<void> {
  const update = ['submodule', 'update', '--init', '--recursive', '--force'];
  try {
    await git([...update, '--depth=1'], where);
  } catch (error) {
    if (!saysGit(error, /--depth|shallow|not our ref|unadvertised object|did not contain/i)) throw error;
    await git(update, where);
  }
}

/** Git keeps there when it did what, and on which disk: no two checkouts would be alike. */
async function forgetMoments(tree: Tree, git: Git, where: Place): Promise<void> {
  await git(['read-tree', 'HEAD'], where);
  await git(['submodule', 'foreach', '--quiet', '--recursive', 'git read-tree HEAD'], where);
  const names = [...tree.walk(bytesOf('.git'))].filter(({ path, status }) => status.type === 'dir' && isLogs(path));
  for (const { path } of names) tree.remove(path);
}

function isLogs(path: ByteString): boolean {
  return /^\.git\/(modules\/(?:.*\/)?)?logs$/.test(path);
}

/** A submodule has a file `.git` that leads to a repository which is gone. */
function removeGitFiles(tree: Tree): void {
  rmSync(join(tree.label, '.git'), { recursive: true, force: true });
  const files = [...tree.walk(bytesOf(''))].filter(({ path }) => path.endsWith('/.git'));
  for (const { path } of files) tree.remove(path);
}

/** Directories last: each entry that changes in one would change its time. */
function setTimes(tree: Tree, time: Timestamp): void {
  const directories: ByteString[] = [];
  for (const { path, status } of tree.walk(bytesOf(''))) {
    if (status.type === 'dir') directories.push(path);
    else tree.setTimes(path, time);
  }
  for (const path of directories.toReversed()) tree.setTimes(path, time);
}

/**
 * The path of a subdirectory, which may be written in any way. As with BuildKit each name of it must be a real directory: a
 * symlink would lead to where the author of the repository wants.
 */
export function findSubdirectory(tree: Tree, subdir: string): string {
  const names: string[] = [];
  for (const name of subdir.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  const shown = `/${names.join('/')}`;
  for (const index of names.keys()) {
    const path = bytesOf(names.slice(0, index + 1).join('/'));
    const type = tree.stat(path)?.type;
    if (type === undefined) throw new Fault('not-found', `invalid subdir ${shown}: no ${showBytes(path)} in there`);
    if (type !== 'dir')
      throw new Fault('invalid', `invalid subdir ${shown}: it contains non-directory ${showBytes(path)}`);
  }
  return names.join('/');
}
