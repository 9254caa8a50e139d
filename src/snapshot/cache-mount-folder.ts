import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, Tree, tryLock, type Lock, type LockMode } from '../host/index.ts';
import type { CacheMountFacts } from '../state/index.ts';
import { bytesOf } from '../std/index.ts';
import { formatFacts, parseFacts } from './cache-mount-identity.ts';
import type { CacheMountFill } from './cache-mounts.ts';
import type { CacheFolderState } from './choose-cache-folder.ts';

/**
 * One cache on the disk, `mounts/<key>/`:
 *
 *     cache.json      whose it is
 *     0/ 1/ …         its folders, complete
 *     0.lock …        held shared or exclusively by who uses the folder
 *     0.filling/ …    a folder to be, while its lock is held
 *     import/         a replacement to be, while import.lock is held
 *     next/           a complete replacement: it is the content, and only has to be put in place
 *
 * Whoever looks at it or changes it holds the cache's lock, except in a folder that they hold themselves.
 */
export class CacheMountFolder {
  readonly key: string;
  readonly path: string;
  readonly #trash: string;
  readonly #discarded: string[] = [];

  constructor(options: { readonly path: string; readonly trash: string }) {
    this.key = basename(options.path);
    this.path = options.path;
    this.#trash = options.trash;
  }

  get isThere(): boolean {
    return existsSync(this.path);
  }

  /** What its file says, undefined where that is missing or damaged. */
  readFacts(): CacheMountFacts | undefined {
    try {
      return parseFacts(readFileSync(join(this.path, factsName), 'utf8'), this.key);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  /** Makes the cache where it is missing. Gives what is true of it from now on. */
  create(facts: CacheMountFacts): CacheMountFacts {
    const known = this.readFacts();
    if (known !== undefined) return known;
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const unfinished = join(this.path, `${factsName}.new`);
    writeFileSync(unfinished, formatFacts(facts), { mode: 0o600 });
    renameSync(unfinished, join(this.path, factsName));
    return facts;
  }

  /** Puts a complete replacement in place, of which a dead process did not see the end. */
  settle(): void {
    if (!existsSync(join(this.path, nextName))) return;
    for (const number of this.numbers()) this.#discard(String(number));
    renameSync(join(this.path, nextName), this.content(0));
  }

  /** The numbers of the folders that are there, ascending. */
  numbers(): readonly number[] {
    return this.#names()
      .filter((name) => folderName.test(name))
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  /** All folders by their number, and one more that could be made. */
  states(): readonly CacheFolderState[] {
    const names = new Set(this.#names());
    const numbers = [...names].map((name) => Number(/^(\d{1,4})(\.lock)?$/.exec(name)?.[1] ?? -1));
    return Array.from({ length: Math.max(-1, ...numbers) + 2 }, (_, number) => ({
      isThere: names.has(String(number)),
      hold: names.has(`${number}.lock`) ? this.#hold(String(number)) : 'free',
    }));
  }

  /** Whether a step has one of its folders, or somebody reads or replaces the content. */
  get isInUse(): boolean {
    return this.states().some(({ hold }) => hold !== 'free') || this.isReplaced;
  }

  get isReplaced(): boolean {
    return existsSync(join(this.path, 'import.lock')) && this.#hold(importName) !== 'free';
  }

  /** Where the folder of this number is, or would be. */
  content(number: number): string {
    return join(this.path, String(number));
  }

  tryLock(number: number, mode: LockMode): Lock | undefined {
    return tryLock(join(this.path, `${number}.lock`), mode);
  }

  tryLockImport(): Lock | undefined {
    return tryLock(join(this.path, 'import.lock'), 'exclusive');
  }

  /** Makes the folder of this number, whose lock the caller holds: the whole, or on failure nothing. */
  async fill(number: number, options: FillOptions): Promise<void> {
    await this.#make(`${number}.filling`, options);
    renameSync(join(this.path, `${number}.filling`), this.content(number));
  }

  /** Makes a replacement; the caller holds the lock of imports. */
  stage(options: FillOptions): Promise<void> {
    return this.#make(importName, options);
  }

  /** Makes the replacement the content. Nobody may use the cache. The rename is the moment at which it counts. */
  adopt(): void {
    renameSync(join(this.path, importName), join(this.path, nextName));
    this.settle();
  }

  /** Drops a replacement that is not wanted. */
  unstage(): void {
    this.#discard(importName);
  }

  /** Names of what dead processes left half done. */
  unfinished(): readonly string[] {
    const stages = this.#names().filter((name) => name === importName || name.endsWith(fillingSuffix));
    return stages.filter((name) => {
      const owner = name === importName ? name : name.slice(0, -fillingSuffix.length);
      return !existsSync(join(this.path, `${owner}.lock`)) || this.#hold(owner) === 'free';
    });
  }

  discardUnfinished(name: string): void {
    this.#discard(name);
  }

  /** The cache is no more. */
  discard(): void {
    this.#throwAway(this.path);
  }

  /** Deletes what was thrown away. Needs no lock. */
  emptyTrash(): void {
    if (this.#discarded.length === 0) return;
    using trash = Tree.open(this.#trash);
    for (const name of this.#discarded.splice(0)) trash.remove(bytesOf(name));
  }

  async #make(name: string, { owner, fill }: FillOptions): Promise<void> {
    using parent = Tree.open(this.path);
    const stage = bytesOf(name);
    parent.remove(stage);
    try {
      parent.mkdir(stage, 0o700);
      parent.setOwner(stage, owner.uid, owner.gid);
      parent.setMode(stage, owner.mode);
      using folder = Tree.open(join(this.path, name));
      await fill?.(folder);
    } catch (error) {
      parent.remove(stage);
      throw error;
    }
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
      throw error;
    }
  }

  #hold(name: string): CacheFolderState['hold'] {
    const path = join(this.path, `${name}.lock`);
    for (const [mode, hold] of [['exclusive', 'free'] as const, ['shared', 'shared'] as const]) {
      using lock = tryLock(path, mode);
      if (lock !== undefined) return hold;
    }
    return 'exclusive';
  }

  #discard(name: string): void {
    this.#throwAway(join(this.path, name));
  }

  #throwAway(path: string): void {
    mkdirSync(this.#trash, { recursive: true, mode: 0o700 });
    const name = randomBytes(8).toString('hex');
    try {
      renameSync(path, join(this.#trash, name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw error;
    }
    this.#discarded.push(name);
  }
}

export interface FillOptions {
  readonly owner: { readonly uid: number; readonly gid: number; readonly mode: number };
  readonly fill: CacheMountFill | undefined;
}

const factsName = 'cache.json';
const importName = 'import';
const nextName = 'next';
const fillingSuffix = '.filling';
const folderName = /^\d{1,4}$/;
