import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, isLocked, Tree, tryLock, type Lock, type Mounts } from '../host/index.ts';
import { Fault } from '../errors/index.ts';
import { bytesOf, textOf } from '../std/index.ts';

/**
 * Places to work in: for each a folder in the store that takes a writable layer, and a mount point in the volatile
 * folder where the merged view is attached.
 *
 * A **temporary area** belongs to this process: a lock beside the mount point tells others that its owner lives. When it is
 * disposed of, or found without a living owner, its mount and its folder are removed. A **lasting area** is a
 * container's: it stays until it is removed by its id.
 */
export class WorkAreas {
  readonly #work: string;
  readonly #trash: string;
  readonly #run: string;
  readonly #mounts: Mounts;
  /** Temporary areas that are over and still there. */
  readonly #over = new Set<TemporaryArea>();

  /** `root`: the store's. `runRoot`: a volatile folder of this store alone. Both are made where they are missing. */
  constructor(options: { readonly root: string; readonly runRoot: string; readonly mounts: Mounts }) {
    this.#work = join(options.root, 'work');
    this.#trash = join(options.root, 'trash');
    this.#run = join(options.runRoot, 'areas');
    this.#mounts = options.mounts;
    for (const folder of [this.#work, this.#trash, this.#run]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** A fresh temporary area. `purpose` is the beginning of its id. */
  temporary(purpose: 'step' | 'view' | 'source'): TemporaryArea {
    const id = `${purpose}-${randomBytes(8).toString('hex')}`;
    const lock = tryLock(this.#lockPath(id), 'exclusive');
    if (lock === undefined) throw new Fault('internal', `take work area ${id}: somebody else has it`);
    try {
      return new TemporaryArea(this.lasting(id), lock, this);
    } catch (error) {
      lock.remove();
      throw error;
    }
  }

  /**
   * Disposes of an area as soon as this process waits for something, the next container for example: deleting a folder takes
   * as long as the disk does. Whoever calls it sees to it that `settle` is called before the process ends.
   */
  disposeSoon(area: TemporaryArea): void {
    this.#over.add(area);
    setImmediate(() => this.#trySettle());
  }

  /** Disposes of what was to be disposed of soon. */
  settle(): void {
    for (const area of this.#over) {
      area[Symbol.dispose]();
      this.#over.delete(area);
    }
  }

  /** The area of this id; its mount point is made where it is missing (it is gone after a restart of the machine). */
  lasting(id: string): WorkArea {
    const area = this.at(id);
    mkdirSync(area.target, { recursive: true, mode: 0o700 });
    return area;
  }

  /** Where the area of this id is, or would be. Nothing is made. */
  at(id: string): WorkArea {
    const bundle = join(this.#run, id);
    return { id, workDir: join(this.#work, id), bundle, target: join(bundle, 'rootfs') };
  }

  /** Unmounts the area's view, if it is mounted, and whatever else is mounted in it or beside it. */
  unmount(id: string): void {
    const folder = join(this.#run, id);
    const mounted = this.#mounts.list().map((mount) => textOf(mount.target));
    const inside = mounted.filter((path) => path?.startsWith(`${folder}/`) === true) as string[];
    for (const path of inside.toReversed()) this.#mounts.unmount(path, { detach: true });
  }

  isMounted(id: string): boolean {
    return this.#mounts.list().some((mount) => mount.target === bytesOf(join(this.#run, id, 'rootfs')));
  }

  /** Unmounts and discards: the folder goes to the trash at once, and is deleted from there. */
  remove(id: string): void {
    this.unmount(id);
    this.#discard(join(this.#work, id));
    this.#discardVolatile(id);
  }

  /** Ids of all areas that have a folder or a mount point. */
  list(): readonly string[] {
    const ids = [...readdirSync(this.#work), ...readdirSync(this.#run).filter((name) => !name.endsWith('.lock'))];
    return [...new Set(ids)].toSorted();
  }

  /** True if a living process holds the temporary area of this id. */
  isOwned(id: string): boolean {
    return isLocked(this.#lockPath(id));
  }

  /** Deletes what was renamed away. */
  emptyTrash(): void {
    using trash = Tree.open(this.#trash);
    for (const name of trash.list(bytesOf(''))) trash.remove(name);
  }

  /** What fails here fails again when `settle` is called by somebody who can be told. */
  #trySettle(): void {
    try {
      this.settle();
    } catch {
      return;
    }
  }

  #discard(path: string): void {
    const name = randomBytes(8).toString('hex');
    if (!renameIfThere(path, join(this.#trash, name))) return;
    using trash = Tree.open(this.#trash);
    trash.remove(bytesOf(name));
  }

  #discardVolatile(id: string): void {
    using run = Tree.open(this.#run);
    run.remove(bytesOf(id));
    rmSync(this.#lockPath(id), { force: true });
  }

  #lockPath(id: string): string {
    return join(this.#run, `${id}.lock`);
  }
}

export interface WorkArea {
  readonly id: string;
  /** In the store: takes `upper/` and `work/`. */
  readonly workDir: string;
  /** Volatile: takes the bundle of what runs here. */
  readonly bundle: string;
  /** Below `bundle`, where the view is attached. */
  readonly target: string;
}

/** An area that ends with its owner. */
export class TemporaryArea implements WorkArea, Disposable {
  readonly id: string;
  readonly workDir: string;
  readonly bundle: string;
  readonly target: string;
  readonly #lock: Lock;
  readonly #areas: WorkAreas;

  constructor(area: WorkArea, lock: Lock, areas: WorkAreas) {
    this.id = area.id;
    this.workDir = area.workDir;
    this.bundle = area.bundle;
    this.target = area.target;
    this.#lock = lock;
    this.#areas = areas;
  }

  [Symbol.dispose](): void {
    using _held = this.#lock;
    this.#areas.remove(this.id);
  }
}

/** False where there is nothing. */
function renameIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
