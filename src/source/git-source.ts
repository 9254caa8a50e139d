import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { Tree } from '../host/index.ts';
import type { ProxySettings } from '../http/index.ts';
import type { Locks } from '../state/index.ts';
import { throwIfAborted } from '../std/index.ts';
import { checkOut, findSubdirectory } from './git-checkout.ts';
import { openGit, type Git } from './git-command.ts';
import { splitRemote, type GitRemote } from './git-remote.ts';
import { CachedRepository } from './git-repository.ts';
import type { GitReference } from './git-reference.ts';
import { resolveReference } from './git-resolve.ts';
import type { FetchGitOptions, GitCheckout, GitCommit, GitOptions } from './remote-sources.ts';

export interface GitSourceOptions {
  /** The store's folder. */
  readonly root: string;
  readonly locks: Locks;
  readonly areas: WorkFolders;
  readonly proxies: ProxySettings;
  readonly stallMs: number;
  readonly searchPath?: string;
}

/** Gives folders of the store that end with their owner. */
export interface WorkFolders {
  temporary(purpose: 'source'): { readonly workDir: string } & Disposable;
}

/** See `RemoteSources`. */
export class GitSource {
  readonly #options: GitSourceOptions;
  readonly #folder: string;

  constructor(options: GitSourceOptions) {
    this.#options = options;
    this.#folder = gitFolder(options.root);
  }

  resolve(reference: GitReference, options: GitOptions): Promise<GitCommit> {
    const remote = splitRemote(reference.remote);
    return naming(remote, options.signal, () => resolveReference(reference, remote.url, this.#git(remote, options)));
  }

  fetch(reference: GitReference, options: FetchGitOptions): Promise<GitCheckout> {
    const remote = splitRemote(reference.remote);
    return naming(remote, options.signal, async () => {
      const git = this.#git(remote, options);
      const commit = options.commit ?? (await resolveReference(reference, remote.url, git));
      const waiting = options.signal === undefined ? {} : { signal: options.signal };
      const name = repositoryName(remote);
      return this.#options.locks.exclusively(
        gitLockName(name),
        () => this.#checkOut({ reference, commit, git, url: remote.url, path: join(this.#folder, name) }),
        waiting,
      );
    });
  }

  async #checkOut({ reference, commit, git, url, path }: Wanted): Promise<GitCheckout> {
    await new CachedRepository(path, url, git).need(commit);
    const { subdir = '', keepGitDir = false, submodules = true } = reference;
    const area = this.#options.areas.temporary('source');
    try {
      const folder = join(area.workDir, 'tree');
      const isWhole = wholeTree(subdir);
      const options = { git, cache: path, url, folder, keepGitDir: keepGitDir && isWhole, submodules };
      const { commit: found, time } = await checkOut(commit, options);
      using tree = Tree.open(folder);
      const root = join(folder, findSubdirectory(tree, subdir));
      return { ...commit, commit: found, root, time, [Symbol.dispose]: () => area[Symbol.dispose]() };
    } catch (error) {
      area[Symbol.dispose]();
      throw error;
    }
  }

  #git(remote: GitRemote, options: GitOptions & Pick<FetchGitOptions, 'onProgress'>): Git {
    const { proxies, searchPath, stallMs } = this.#options;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    return openGit({
      proxies,
      remote,
      ssh: options.ssh,
      signal: options.signal,
      onProgress: options.onProgress,
      knownHosts: join(this.#folder, 'known_hosts'),
      stallMs,
      ...(searchPath !== undefined && { searchPath }),
    });
  }
}

interface Wanted {
  readonly reference: GitReference;
  readonly commit: GitCommit;
  readonly git: Git;
  readonly url: string;
  readonly path: string;
}

/** The folder of the store that has the repositories. */
export function gitFolder(root: string): string {
  return join(root, 'git');
}

export function gitLockName(repository: string): string {
  return `git:${repository}`;
}

function repositoryName({ url }: GitRemote): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 32);
}

function wholeTree(subdir: string): boolean {
  return join('/', subdir) === '/';
}

async function naming<T>(remote: GitRemote, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  try {
    throwIfAborted(signal, 'wait');
    return await body();
  } catch (error) {
    throw Fault.wrap(`fetch ${remote.url}`, error);
  }
}
