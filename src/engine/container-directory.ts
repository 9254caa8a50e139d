import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { errnoOf, lock, tryLock, type Lock } from '../host/index.ts';
import type { WorkArea } from '../snapshot/index.ts';
import type { Document, JsonBody } from '../state/index.ts';
import type { ContainerLife, ContainerRecord } from './container-record.ts';
import type { Store } from './store.ts';

/** A container as it stands in the store. */
export interface StoredContainer {
  readonly id: string;
  readonly name: string;
  readonly record: ContainerRecord;
}

/** Where a container keeps what. */
export interface ContainerPlace extends WorkArea {
  /** In the store: holds the log. */
  readonly folder: string;
  readonly logPath: string;
  /** The mount places that were made for the running container, so that whoever tidies takes them away again. */
  readonly stubsPath: string;
  /** Says of a container that removes itself that it was started. */
  readonly lifePath: string;
}

/**
 * The containers of a store: their records by name, their folders, and a lock for each.
 *
 * Whoever changes a container, or mounts it, holds its lock; whoever only looks does not.
 */
export class ContainerDirectory {
  readonly #store: Store;
  readonly #locks: string;

  constructor(store: Store) {
    this.#store = store;
    this.#locks = join(store.runRoot, 'locks');
  }

  /** The container that a name, an ID or an unambiguous prefix of an ID means. Fault `not-found`, `invalid`. */
  find(name: string): StoredContainer {
    const { containers } = this.#store.state;
    const exact = containers.get(name) ?? containers.byName(name.replace(/^\//, ''));
    if (exact !== undefined) return this.#toContainer(exact);
    const [found, another] = /^[0-9a-f]{1,64}$/.test(name) ? containers.withPrefix(name, 2) : [];
    if (another !== undefined) {
      throw new Fault('invalid', `multiple IDs found with provided prefix: ${name}`, { hint: 'give more of the ID' });
    }
    if (found === undefined) throw noSuchContainer(name);
    return this.#toContainer(found);
  }

  get(id: string): StoredContainer | undefined {
    const document = this.#store.state.containers.get(id);
    return document === undefined ? undefined : this.#toContainer(document);
  }

  /** Oldest first. */
  list(): readonly StoredContainer[] {
    return this.#store.state.containers
      .list()
      .map((document) => this.#toContainer(document))
      .toSorted((a, b) => compareText(a.record.created, b.record.created));
  }

  /** Fault `conflict` if the name is in use. */
  create(container: StoredContainer): void {
    const { containers } = this.#store.state;
    const { id, name, record } = container;
    this.#store.state.durably(() => {
      const owner = containers.byName(name);
      if (owner !== undefined) throw nameInUse(name, owner.id);
      containers.create({ id, name, body: record });
    });
  }

  /**
   * Notes what becomes of a container. That it runs stands in the volatile folder where it removes itself: a restart of
   * the machine ends it as surely as it empties that folder, and `run --rm` need not wait for the disk once more.
   */
  setLife({ id, name, record }: StoredContainer, life: ContainerLife): void {
    if (record.settings.autoRemove && life.kind === 'running') {
      writeLife(this.place(id), life);
      return;
    }
    this.#store.state.containers.put({ id, name, body: { ...record, life } });
  }

  drop(id: string): void {
    this.#store.state.containers.remove(id);
  }

  place(id: string): ContainerPlace {
    const area = this.#store.areas.at(id);
    const folder = join(this.#store.root, 'containers', id);
    return {
      ...area,
      folder,
      logPath: join(folder, 'container.log'),
      stubsPath: join(area.bundle, 'stubs.json'),
      lifePath: join(area.bundle, 'life.json'),
    };
  }

  /** Waits for the lock of a container; `remove` it when done. */
  lock(id: string, signal?: AbortSignal): Promise<Lock> {
    return lock(this.#lockPath(id), 'exclusive', signal === undefined ? {} : { signal });
  }

  /** The lock of a container, if nobody has it. */
  tryLock(id: string): Lock | undefined {
    return tryLock(this.#lockPath(id), 'exclusive');
  }

  /** Only this program writes these documents: their bodies are what was put in. */
  #toContainer({ id, name, body }: Document<JsonBody>): StoredContainer {
    const record = body as ContainerRecord;
    if (!record.settings.autoRemove) return { id, name, record };
    return { id, name, record: { ...record, life: readLife(this.place(id)) ?? record.life } };
  }

  #lockPath(id: string): string {
    mkdirSync(this.#locks, { recursive: true, mode: 0o700 });
    return join(this.#locks, `${id}.lock`);
  }
}

/** In one step: others list containers without their locks. */
function writeLife({ lifePath }: ContainerPlace, life: ContainerLife): void {
  writeFileSync(`${lifePath}.new`, JSON.stringify(life), { mode: 0o600 });
  renameSync(`${lifePath}.new`, lifePath);
}

function readLife({ lifePath }: ContainerPlace): ContainerLife | undefined {
  try {
    return JSON.parse(readFileSync(lifePath, 'utf8')) as ContainerLife;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function noSuchContainer(name: string): Fault {
  return new Fault('not-found', `no such container: ${name}`, { hint: "'varve ps -a' lists those that are here" });
}

function nameInUse(name: string, id: string): Fault {
  return new Fault(
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${id}". ` +
      'You have to remove (or rename) that container to be able to reuse that name.',
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
