import { join } from 'node:path';
import { keptRepositories, openRemoteSources, type KeptRepository, type RemoteSources } from '../source/index.ts';
import { diskUsage } from './disk-usage.ts';
import type { Store } from './store.ts';

/** What a build fetches by URL and from git, kept in the store. */
export function openSources({ root, blobs, state, areas, proxies, version }: Store): RemoteSources {
  const { cache, locks } = state;
  return openRemoteSources({ root, blobs, cache, locks, areas, proxies, userAgent: `varve/${version}` });
}

/** A repository that the store keeps to fetch less the next time; it counts as build cache. */
export interface SizedRepository extends KeptRepository {
  readonly kind: 'cache';
  readonly sizeBytes: number;
}

export function listRepositories({ root, state }: Store): readonly SizedRepository[] {
  return keptRepositories(root, state.locks).map((each) => ({
    ...each,
    kind: 'cache',
    sizeBytes: diskUsage(join(root, each.name)),
  }));
}

export function unusedRepositories(store: Store): readonly SizedRepository[] {
  return listRepositories(store).filter(({ isInUse }) => !isInUse);
}
