import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, nodeFault } from '../host/index.ts';
import type { Locks } from '../state/index.ts';
import { bytesOf } from '../std/index.ts';
import { CacheMountFolder } from './cache-mount-folder.ts';

/** Short stretches in which one process alone looks at a cache and changes it. */
export class CacheMountSections {
  readonly #mounts: string;
  readonly #trash: string;
  readonly #locks: Locks;

  constructor({ root, locks }: { readonly root: string; readonly locks: Locks }) {
    this.#mounts = join(root, 'mounts');
    this.#trash = join(root, 'trash');
    this.#locks = locks;
  }

  /**
   * Runs `body` with the cache's own lock. What dead processes did not end is settled before, what `body` throws away is
   * deleted afterwards. Nothing that takes long belongs in `body`.
   */
  async inside<T>(key: string, body: (folder: CacheMountFolder) => T, signal?: AbortSignal): Promise<T> {
    const folder = new CacheMountFolder({ path: join(this.#mounts, key), trash: this.#trash });
    const work = async (): Promise<T> => {
      folder.settle();
      return body(folder);
    };
    try {
      return await this.#locks.exclusively(`cache mount ${key}`, work, signal === undefined ? {} : { signal });
    } catch (error) {
      throw nodeFault('use cache mount', bytesOf(key), error);
    } finally {
      folder.emptyTrash();
    }
  }

  /** The names in the folder of caches: their keys, and whatever else somebody put there. */
  names(): readonly string[] {
    try {
      return readdirSync(this.#mounts);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw nodeFault('list', bytesOf(this.#mounts), error);
    }
  }
}
