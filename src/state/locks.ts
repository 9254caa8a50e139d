import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isLocked, lock } from '../host/index.ts';
import type { LockMode, LockOptions } from '../host/index.ts';

/**
 * Locks by name, between processes and within one. A name may be any text: a digest, a cache mount's id. The kernel
 * frees a lock when its owner ends, however it ends. Waiting takes no thread and may be cancelled.
 */
export interface Locks {
  /** Runs `body` while nobody else holds the lock. */
  exclusively<T>(name: string, body: () => Promise<T>, options?: LockOptions): Promise<T>;
  /** Runs `body` while nobody holds the lock exclusively. */
  shared<T>(name: string, body: () => Promise<T>, options?: LockOptions): Promise<T>;

  /**
   * What `find` gives, made by `make` if it is not there: by one of all who ask at once, in whatever process. The
   * others wait for it. If it fails, is cancelled or dies, the next takes over.
   */
  singleFlight<T>(name: string, flight: Flight<T>, options?: LockOptions): Promise<T>;

  /** Whether somebody holds the lock exclusively at this moment. */
  isHeld(name: string): boolean;
}

export interface Flight<T> {
  /** The thing if it is there. Asked before and again after the wait. */
  find(): T | undefined | Promise<T | undefined>;
  /** Makes the thing, so that `find` finds it from then on. */
  make(): Promise<T>;
}

export function openLocks(folder: string): Locks {
  const hold = async <T>(name: string, mode: LockMode, body: () => Promise<T>, options: LockOptions): Promise<T> => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const held = await lock(join(folder, fileNameOf(name)), mode, options);
    try {
      return await body();
    } finally {
      if (mode === 'exclusive') held.remove();
      else held.release();
    }
  };
  return {
    exclusively: (name, body, options = {}) => hold(name, 'exclusive', body, options),
    shared: (name, body, options = {}) => hold(name, 'shared', body, options),
    singleFlight: async (name, flight, options = {}) => {
      const found = await flight.find();
      if (found !== undefined) return found;
      return hold(name, 'exclusive', async () => (await flight.find()) ?? flight.make(), options);
    },
    isHeld: (name) => isLocked(join(folder, fileNameOf(name))),
  };
}

function fileNameOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}
