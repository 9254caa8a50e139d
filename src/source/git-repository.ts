import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { saysGit } from './git-fault.ts';
import type { Git } from './git-command.ts';
import type { GitCommit } from './remote-sources.ts';

/**
 * The bare repository that keeps what was fetched from one remote. Nobody else may use it meanwhile. Each commit that
 * was asked for has a reference of its own, so that the next fetch can tell the server what is here.
 */
export class CachedRepository {
  readonly #path: string;
  readonly #url: string;
  readonly #git: Git;

  constructor(path: string, url: string, git: Git) {
    this.#path = path;
    this.#url = url;
    this.#git = git;
  }

  get path(): string {
    return this.#path;
  }

  /** Fetches the commit, or its tag, unless it is here. Fault `not-found` if the server has none of this ID. */
  async need(commit: GitCommit): Promise<void> {
    await this.#prepare();
    const id = commit.tag ?? commit.commit;
    if (await this.#has(id)) return void (await this.#run(['update-ref', keptName(id), id]));
    const attempts = [
      () => this.#fetch(['--depth=1'], `${id}:${keptName(id)}`),
      ...(commit.ref === undefined ? [] : [() => this.#fetch(['--depth=1'], `${commit.ref}:${keptName(id)}`)]),
      () => this.#fetchAll(id),
    ];
    for (const attempt of attempts) {
      if (await this.#succeeds(attempt, id)) return;
    }
    throw new Fault('not-found', `the repository has no commit ${id}`);
  }

  /** Only what a server may refuse for its own reasons is tried in another way. */
  async #succeeds(attempt: () => Promise<void>, id: string): Promise<boolean> {
    try {
      await attempt();
    } catch (error) {
      if (!saysGit(error, refusals)) throw error;
    }
    return this.#has(id);
  }

  async #fetch(options: readonly string[], ...refspecs: readonly string[]): Promise<void> {
    const forced = refspecs.map((each) => `+${each}`);
    const quiet = ['--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--progress'];
    await this.#run(['fetch', ...quiet, ...options, '--', this.#url, ...forced]);
  }

  /** For servers that give nothing but whole branches, and for commits that were left behind by them. */
  async #fetchAll(id: string): Promise<void> {
    const whole = existsSync(join(this.#path, 'shallow')) ? ['--unshallow'] : [];
    await this.#fetch(whole, 'refs/heads/*:refs/varve/heads/*', 'refs/tags/*:refs/varve/tags/*');
    if (await this.#has(id)) await this.#run(['update-ref', keptName(id), id]);
  }

  async #has(id: string): Promise<boolean> {
    try {
      await this.#run(['cat-file', '-e', `${id}^{commit}`]);
      return true;
    } catch (error) {
      if (Fault.is(error, 'cancelled')) throw error;
      return false;
    }
  }

  /** Makes it where it is missing, and takes away what a fetch left behind that was killed. */
  async #prepare(): Promise<void> {
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    for (const name of leftovers(this.#path)) rmSync(join(this.#path, name), { force: true });
    if (!(await this.#isSound())) {
      rmSync(this.#path, { recursive: true, force: true });
      mkdirSync(this.#path, { recursive: true, mode: 0o700 });
      await this.#run(['init', '--quiet', '--bare']);
    }
  }

  async #isSound(): Promise<boolean> {
    if (!existsSync(join(this.#path, 'HEAD'))) return false;
    try {
      await this.#run(['for-each-ref', '--count=1']);
      return true;
    } catch (error) {
      if (Fault.is(error, 'cancelled')) throw error;
      return false;
    }
  }

  #run(args: readonly string[]): Promise<string> {
    return this.#git(args, { gitDir: this.#path });
  }
}

/** A reference that keeps an object. */
export function keptName(id: string): string {
  return `refs/varve/objects/${id}`;
}

const refusals =
  /not our ref|unadvertised object|does not allow request|shallow|--depth|couldn't find remote ref|dumb http|no such remote ref|invalid refspec/i;

function leftovers(path: string): readonly string[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.lock') || /^objects\/(pack\/)?tmp_/.test(name));
}
