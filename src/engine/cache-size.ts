import type { CacheMount } from '../snapshot/index.ts';
import { diskUsage } from './disk-usage.ts';

/** Bytes of all files in all folders of a cache. */
export function cacheSize({ folders }: CacheMount): number {
  return folders.reduce((sum, folder) => sum + diskUsage(folder), 0);
}
