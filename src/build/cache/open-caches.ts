import { Fault } from '../../errors/index.ts';
import type { BuildOptions } from '../build-options.ts';
import type { BuildPorts } from '../build-ports.ts';
import type { BuildProgress } from '../build-progress.ts';
import type { CacheExport, CachePlace } from './cache-place.ts';
import { ImportedCaches } from './imported-caches.ts';
import { parseCacheFrom, parseCacheTo } from './parse-cache-place.ts';
import { placeName } from './place-name.ts';
import type { SharedCache, SharedCaches } from './shared-caches.ts';

/** Which shared caches a build uses, read and checked before anything is built. */
export interface CachePlan {
  readonly from: readonly CachePlace[];
  readonly to: readonly CacheExport[];
  /** The images that are made carry the cache of their own steps. */
  readonly isInline: boolean;
}

/** Fault `invalid` for what cannot be meant. */
export function planCaches(
  { cacheFrom = [], cacheTo = [] }: Pick<BuildOptions, 'cacheFrom' | 'cacheTo'>,
  caches: SharedCaches | undefined,
): CachePlan {
  const to = cacheTo.map(parseCacheTo);
  const plan = { from: cacheFrom.map(parseCacheFrom), to, isInline: to.some(({ kind }) => kind === 'inline') };
  const isAny = plan.from.length > 0 || plan.to.length > 0;
  if (isAny && caches === undefined)
    throw new Fault('unsupported', 'build with a shared cache: none can be opened here');
  return plan;
}

export interface OpenCachesOptions {
  readonly ports: Pick<BuildPorts, 'caches' | 'layers' | 'holder'>;
  readonly progress: BuildProgress;
  readonly signal: AbortSignal;
}

/** Reads what they know, side by side. One that cannot be read is a warning: the build then does more itself. */
export async function openCaches(
  plan: CachePlan,
  { ports, progress, signal }: OpenCachesOptions,
): Promise<ImportedCaches> {
  const imported = new ImportedCaches({ ...ports, progress });
  const { caches } = ports;
  if (caches === undefined || plan.from.length === 0) return imported;
  const open = async (place: CachePlace): Promise<PromiseSettledResult<SharedCache>> => {
    const [opened] = await Promise.allSettled([caches.open(place, { signal })]);
    return opened;
  };
  const opening = plan.from.map((place) =>
    progress.internal(`import cache from ${placeName(place)}`, () => open(place)),
  );
  const opened = await Promise.all(opening);
  signal.throwIfAborted();
  for (const [index, place] of plan.from.entries()) {
    try {
      const each = opened[index] as PromiseSettledResult<SharedCache>;
      if (each.status === 'rejected') throw each.reason;
      imported.add(each.value);
    } catch (error) {
      const fault = Fault.wrap(`import cache from ${placeName(place)}`, error);
      if (fault.code === 'internal') throw fault;
      progress.warning(undefined, fault.message);
    }
  }
  return imported;
}
