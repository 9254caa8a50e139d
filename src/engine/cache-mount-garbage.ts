import { relative } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { CacheMounts } from '../snapshot/index.ts';
import { cacheSize } from './cache-size.ts';
import { diskUsage } from './disk-usage.ts';
import type { Store } from './store.ts';

/** Something that is kept beside the content, for steps that run again, and may go. */
export interface CacheMountGarbage {
  readonly kind: 'cache-mount' | 'cache' | 'work';
  /** The id of a cache, else a path below the store. */
  readonly name: string;
  readonly sizeBytes: number;
  /** False where a step took it meanwhile: it stays. */
  readonly remove: () => Promise<boolean>;
}

/** What dead processes left half done, and, with `all`, every cache that no step has now. */
export async function findCacheMountGarbage(
  { root, cacheMounts }: Store,
  all: boolean,
): Promise<readonly CacheMountGarbage[]> {
  const unused = all ? (await cacheMounts.list()).filter(({ isInUse }) => !isInUse) : [];
  const leftovers = (await cacheMounts.check()).filter(({ kind }) => kind === 'left-over');
  return [
    ...unused.map((cache) => ({
      kind: 'cache-mount' as const,
      name: cache.id,
      sizeBytes: cacheSize(cache),
      remove: () => removeUnused(cacheMounts, cache.key),
    })),
    ...leftovers.map(({ path, repair }) => ({
      kind: 'work' as const,
      name: relative(root, path),
      sizeBytes: diskUsage(path),
      remove: () => repair().then(() => true),
    })),
  ];
}

/** Those that are gone afterwards. */
export async function removeCacheMountGarbage(
  garbage: readonly CacheMountGarbage[],
): Promise<readonly CacheMountGarbage[]> {
  const removed: CacheMountGarbage[] = [];
  for (const each of garbage) if (await each.remove()) removed.push(each);
  return removed;
}

async function removeUnused(cacheMounts: CacheMounts, key: string): Promise<boolean> {
  try {
    return await cacheMounts.remove(key);
  } catch (error) {
    if (Fault.is(error, 'conflict')) return false;
    throw error;
  }
}
