/** One build by varve and by a real Docker, and in what the two results differ. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { comparableConfig } from './compared-config.ts';
import { DockerOracle } from './docker-oracle.ts';
import { readImageArchive, type ImageFacts } from './image-archive.ts';
import { TestStore } from './test-store.ts';

/** With users, a few files to work on, and a program that sets extended attributes. */
const baseDockerfile = `FROM busybox:local
WORKDIR /dev
WORKDIR /proc
WORKDIR /sys
WORKDIR /
COPY program /
RUN echo worker:x:1001:1001::/home/worker:/bin/sh >> /etc/passwd && echo staff:x:50:worker >> /etc/group \\
  && echo worker:x:1001: >> /etc/group
RUN mkdir -p /base/dir/sub /base/real /w && cd /base && echo file > file && echo a > dir/a && echo b > dir/sub/b \\
  && echo hard > hard1 && ln hard1 hard2 && echo s > setuid && chmod 4755 setuid && chown 1001:50 dir/sub \\
  && ln -s file link && ln -s real todir && ln -s nowhere dangling && chmod 1777 /w && touch -d @77777 dir/a
`;

export class BuildComparison implements AsyncDisposable {
  readonly store = new TestStore();
  /** Of this process alone: others may ask the same Docker at the same time. */
  readonly base = `varve-differential-${process.pid}:base`;
  readonly triggering = `varve-differential-${process.pid}:triggering`;
  readonly #oracle = new DockerOracle(join(this.store.folder, 'docker'));
  readonly #own = 'varve-differential:own';
  #count = 0;

  async prepare(): Promise<void> {
    await this.store.busybox();
    const context = this.store.context('base', { Dockerfile: baseDockerfile });
    for (const path of programFiles('/usr/bin/setfattr')) {
      const to = join(context, 'program', path);
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(path, to);
    }
    const archive = join(this.store.folder, 'base.tar');
    await this.store.ok(['build', '-q', '-t', this.base, context]);
    await this.store.ok(['save', '-o', archive, this.base]);
    await this.#oracle.load(archive, this.base);
  }

  /** What differs, line by line; nothing where both come to the same or both refuse it. */
  async differences(args: readonly string[], before: readonly string[] | undefined): Promise<readonly string[]> {
    if (before !== undefined) await this.#buildBefore(before);
    const name = `varve-differential-${process.pid}:${this.#count++}`;
    const archive = join(this.store.folder, `${this.#count}.tar`);
    const [ours, theirs] = await Promise.all([this.#ours(args, archive), this.#theirs(args, name)]);
    return differencesOf(ours, theirs);
  }

  async #buildBefore(before: readonly string[]): Promise<void> {
    await this.store.ok(['build', '-q', '-t', this.triggering, ...before]);
    const built = await this.#oracle.build(this.triggering, before);
    if (built.code !== 0) throw new Error(built.stderr);
  }

  async #ours(args: readonly string[], archive: string): Promise<ImageFacts | string> {
    const built = await this.store.run(['build', '--progress=plain', '-t', this.#own, ...args]);
    if (built.code !== 0) return built.stderr;
    await this.store.ok(['save', '-o', archive, this.#own]);
    return readImageArchive(archive);
  }

  async #theirs(args: readonly string[], name: string): Promise<ImageFacts | string> {
    const built = await this.#oracle.build(name, args);
    return built.code === 0 ? await this.#oracle.facts(name) : built.stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#oracle[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }
}

/** By path or field, what differs: what Docker has behind `<`, what varve has behind `>`. */
function differencesOf(ours: ImageFacts | string, theirs: ImageFacts | string): readonly string[] {
  if (typeof ours === 'string') {
    const isIntended = typeof theirs === 'string' || intendedRefusals.some((pattern) => pattern.test(ours));
    return isIntended ? [] : ['only varve fails', ...errorOf(ours)];
  }
  if (typeof theirs === 'string') return ['only Docker fails', ...errorOf(theirs)];
  const [is, should] = [linesOf(ours), linesOf(theirs)];
  const names = [...new Set([...should.keys(), ...is.keys()])].filter((name) => is.get(name) !== should.get(name));
  return names.flatMap((name) => [
    ...(should.has(name) ? [`< ${name} ${should.get(name)}`] : []),
    ...(is.has(name) ? [`> ${name} ${is.get(name)}`] : []),
  ]);
}

function linesOf({ tree, config }: ImageFacts): ReadonlyMap<string, string> {
  const { history, ...fields } = comparableConfig(config);
  const steps = (history as readonly string[]).map((line, index) => [`history ${index}`, line] as const);
  const values = Object.entries(fields).map(([field, value]) => [field, JSON.stringify(value)] as const);
  const files = [...tree].map(([path, facts]) => [path, withoutIntended(facts)] as const);
  return new Map([...files, ...values, ...steps]);
}

/** Those of docs/differences.md: several sources for one file, patterns that match nothing, names that are nobody's. */
const intendedRefusals = [
  /cannot copy \d+ sources to the one file/,
  /no pattern matches anything/,
  /unable to find (user|group)/,
];

/** Those of docs/differences.md: the time of files written in the Dockerfile, attributes that Docker loses. */
function withoutIntended(facts: string): string {
  return facts.replaceAll(/ (@0\b|user\.\w+=\w+)/g, '');
}

function errorOf(stderr: string): readonly string[] {
  return stderr.trimEnd().split('\n').slice(-12);
}

/** With the libraries that it is linked with, so that it runs on a base that has none. */
function programFiles(path: string): readonly string[] {
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  return [path, ...[...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] as string)];
}
