import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { faulting } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';

/**
 * A file of the store on its way: written front to back under a temporary name. Whoever has all of it gives it its name
 * by renaming; what still has the temporary name when the writer is disposed of is removed.
 */
export class FileWriter implements Disposable {
  readonly path: string;
  #fd: number;

  constructor(path: string) {
    this.path = path;
    this.#fd = storing(path, () => openSync(path, 'wx', 0o600));
  }

  /** Open for writing, at the end of what was written, until `close`. */
  get fd(): number {
    return this.#fd;
  }

  readonly write = (bytes: Uint8Array): void => {
    storing(this.path, () => {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
    });
  };

  /** Nothing more is to come. Further calls do nothing. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  [Symbol.dispose](): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}

/** Runs what stores bytes of a layer; a full disk comes out with what to do about it. */
export function storing<T>(path: string, body: () => T): T {
  try {
    return faulting('write', bytesOf(path), body);
  } catch (error) {
    if (!Fault.is(error, 'exhausted')) throw error;
    const hint = "free some space where the store is; 'varve prune' deletes what nothing needs";
    throw new Fault('exhausted', `store a layer: ${error.message}`, { cause: error, hint });
  }
}
