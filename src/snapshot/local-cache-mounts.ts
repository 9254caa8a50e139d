import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { nodeFault, Tree, type Lock } from '../host/index.ts';
import type { CacheMountFacts, CacheMountRecords, Locks } from '../state/index.ts';
import { bytesOf, throwIfAborted, type Clock } from '../std/index.ts';
import type { CacheMountFolder } from './cache-mount-folder.ts';
import { cacheMountKey, completeIdentity, isCacheMountKey, showCacheId } from './cache-mount-identity.ts';
import { CacheMountSections } from './cache-mount-sections.ts';
import type {
  CacheMount,
  CacheMountFill,
  CacheMountIdentity,
  CacheMountProblem,
  CacheMountRequest,
  CacheMounts,
  CacheMountUse,
} from './cache-mounts.ts';
import { checkCacheMount } from './check-cache-mount.ts';
import { chooseCacheFolder } from './choose-cache-folder.ts';

export interface CacheMountOptions {
  /** The store's folder: the caches are in `mounts/` there, what is deleted goes through `trash/`. */
  readonly root: string;
  readonly records: CacheMountRecords;
  readonly locks: Locks;
  readonly clock: Clock;
}

/** The caches of a store. Touches nothing until it is first used. */
export class LocalCacheMounts implements CacheMounts {
  readonly #sections: CacheMountSections;
  readonly #records: CacheMountRecords;
  readonly #clock: Clock;

  constructor({ root, records, locks, clock }: CacheMountOptions) {
    this.#sections = new CacheMountSections({ root, locks });
    this.#records = records;
    this.#clock = clock;
  }

  async acquire(request: CacheMountRequest): Promise<CacheMountUse> {
    const facts = this.#factsOf(request);
    const { sharing, signal } = request;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const taken = await this.#sections.inside(facts.key, (folder) => this.#take(folder, { facts, sharing }), signal);
      if (taken?.isThere === true) return useOf(taken);
      if (taken !== undefined) return useOf(await this.#fill(taken, request));
      await pause(pauseMs, request);
    }
  }

  async list(): Promise<readonly CacheMount[]> {
    const all: CacheMount[] = [];
    for (const record of this.#records.list()) {
      const known = await this.#describe(record.key);
      if (known !== undefined) all.push(known);
    }
    return all;
  }

  async find(name: string): Promise<CacheMount> {
    const records = this.#records.list();
    const named = records.filter(({ id }) => id === name);
    const isPrefix = /^[0-9a-f]{4,32}$/.test(name);
    const found = named.length > 0 ? named : records.filter(({ key }) => isPrefix && key.startsWith(name));
    const mounts = await Promise.all(found.map((record) => this.#describe(record.key)));
    const [mount, ...others] = mounts.filter((each) => each !== undefined);
    if (mount === undefined) throw new Fault('not-found', `no such cache mount: ${showCacheId(name)}`);
    if (others.length === 0) return mount;
    const keys = [mount, ...others].map(({ key }) => key.slice(0, 12)).join(', ');
    throw new Fault('conflict', `cache mount ${showCacheId(name)}: several are meant: ${keys}`, {
      hint: 'name it by its key',
    });
  }

  async remove(key: string): Promise<boolean> {
    if (!isCacheMountKey(key)) return false;
    return this.#sections.inside(key, (folder) => {
      this.#requireUnused(folder, 'remove');
      const wasThere = folder.numbers().length > 0;
      folder.discard();
      return this.#records.delete(key) || wasThere;
    });
  }

  async read<T>(key: string, body: (folder: Tree) => Promise<T>): Promise<T> {
    const { lock, path } = await this.#sections.inside(key, (folder) => this.#lockForReading(folder));
    using _held = lock;
    using tree = Tree.open(path);
    return await body(tree);
  }

  async replace(identity: CacheMountIdentity, fill: CacheMountFill, signal: AbortSignal): Promise<CacheMount> {
    const facts = this.#factsOf(identity);
    const { key } = facts;
    const { lock, folder } = await this.#sections.inside(key, (each) => this.#beginReplacing(each, facts), signal);
    try {
      await folder.stage({ owner: facts, fill });
      throwIfAborted(signal, `replace cache mount ${showCacheId(facts.id)}`);
      await this.#sections.inside(key, (each) => this.#finishReplacing(each, { facts, lock }));
    } catch (error) {
      await this.#sections.inside(key, (each) => abandon(each, () => each.unstage(), lock));
      throw nodeFault('replace cache mount', bytesOf(facts.id), error);
    }
    const replaced = await this.#describe(key);
    if (replaced === undefined)
      throw new Fault('not-found', `replace cache mount ${showCacheId(facts.id)}: it was removed`);
    return replaced;
  }

  async check(): Promise<readonly CacheMountProblem[]> {
    const keys = new Set([...this.#sections.names(), ...this.#records.list().map(({ key }) => key)]);
    const problems: CacheMountProblem[] = [];
    for (const key of [...keys].toSorted()) {
      const inside = (body: (folder: CacheMountFolder) => void): Promise<void> => this.#sections.inside(key, body);
      await inside((folder) => void problems.push(...checkCacheMount(folder, { records: this.#records, inside })));
    }
    return problems;
  }

  #factsOf(identity: CacheMountIdentity): CacheMountFacts {
    const complete = completeIdentity(identity);
    return { ...complete, key: cacheMountKey(complete), createdMs: this.#clock.now() };
  }

  /** Undefined where the step has to wait. */
  #take(folder: CacheMountFolder, { facts, sharing }: Wish): Taken | undefined {
    const known = folder.create(facts);
    const states = folder.states();
    const number = chooseCacheFolder(sharing, states);
    if (number === undefined) return undefined;
    const isThere = states[number]?.isThere === true;
    const lock = folder.tryLock(number, isThere && sharing === 'shared' ? 'shared' : 'exclusive');
    if (lock === undefined) return undefined;
    if (isThere) this.#records.use(known, sharing);
    return { folder, facts: known, number, lock, isThere };
  }

  async #fill(taken: Taken, { sharing, fill }: CacheMountRequest): Promise<Taken> {
    const { folder, facts, number, lock } = taken;
    try {
      await folder.fill(number, { owner: facts, fill });
      this.#records.use(facts, sharing);
    } catch (error) {
      await this.#sections.inside(facts.key, (each) => abandon(each, () => undefined, lock));
      throw nodeFault('fill cache mount', bytesOf(facts.id), error);
    }
    return sharing === 'shared' ? this.#share(taken) : taken;
  }

  /** From now on others may have it too. Nobody can take it in between: that needs the cache's lock. */
  #share(taken: Taken): Promise<Taken> {
    return this.#sections.inside(taken.facts.key, (folder) => {
      taken.lock.release();
      const lock = folder.tryLock(taken.number, 'shared');
      if (lock === undefined)
        throw new Fault('internal', `share cache mount ${showCacheId(taken.facts.id)}: it was taken away`);
      return { ...taken, lock };
    });
  }

  async #describe(key: string): Promise<CacheMount | undefined> {
    return this.#sections.inside(key, (folder) => {
      const record = this.#records.get(key);
      const numbers = folder.numbers();
      if (record === undefined || numbers.length === 0) return undefined;
      const sharing = record.sharing as CacheMount['sharing'];
      const folders = numbers.map((number) => folder.content(number));
      return { ...record, sharing, isInUse: folder.isInUse, folders };
    });
  }

  #lockForReading(folder: CacheMountFolder): { readonly lock: Lock; readonly path: string } {
    const [number] = folder.numbers();
    if (number === undefined) throw new Fault('not-found', `no such cache mount: ${folder.key}`);
    const lock = folder.tryLock(number, 'shared');
    if (lock === undefined) throw inUse(folder, 'read');
    return { lock, path: folder.content(number) };
  }

  #beginReplacing(folder: CacheMountFolder, facts: CacheMountFacts): Replacing {
    folder.create(facts);
    const lock = folder.tryLockImport();
    if (lock !== undefined) return { folder, lock };
    throw new Fault('conflict', `replace cache mount ${showCacheId(facts.id)}: somebody else is replacing it`);
  }

  #finishReplacing(folder: CacheMountFolder, { facts, lock }: { facts: CacheMountFacts; lock: Lock }): void {
    if (folder.states().some(({ hold }) => hold !== 'free')) throw inUse(folder, 'replace');
    this.#records.add(folder.readFacts() ?? facts);
    folder.adopt();
    lock.release();
  }

  #requireUnused(folder: CacheMountFolder, verb: string): void {
    if (folder.isInUse) throw inUse(folder, verb);
  }
}

interface Wish {
  readonly facts: CacheMountFacts;
  readonly sharing: CacheMountRequest['sharing'];
}

interface Taken {
  readonly folder: CacheMountFolder;
  readonly facts: CacheMountFacts;
  readonly number: number;
  readonly lock: Lock;
  readonly isThere: boolean;
}

interface Replacing {
  readonly folder: CacheMountFolder;
  readonly lock: Lock;
}

function useOf({ folder, number, lock, isThere }: Taken): CacheMountUse {
  return {
    key: folder.key,
    path: folder.content(number),
    isNew: !isThere,
    [Symbol.dispose]: () => lock.release(),
  };
}

/** What was begun is dropped, and the cache too if it has never been one. */
function abandon(folder: CacheMountFolder, drop: () => void, lock: Lock): void {
  drop();
  lock.release();
  if (folder.numbers().length === 0 && !folder.isInUse) folder.discard();
}

function inUse(folder: CacheMountFolder, verb: string): Fault {
  const id = folder.readFacts()?.id ?? folder.key;
  return new Fault('conflict', `${verb} cache mount ${showCacheId(id)}: it is in use`, {
    hint: 'wait until the build has ended',
  });
}

const longestPauseMs = 50;

async function pause(milliseconds: number, { id, signal }: CacheMountRequest): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch (error) {
    throw new Fault('cancelled', `wait for cache mount ${showCacheId(id)}: cancelled`, { cause: error });
  }
}
