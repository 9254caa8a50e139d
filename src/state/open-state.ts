import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../std/index.ts';
import { openCacheMountRecords } from './cache-mount-records.ts';
import { openCacheRecords } from './cache-records.ts';
import { openCompressedLayerRecords } from './compressed-layers.ts';
import { openDocumentFiles } from './document-files.ts';
import { openDocumentRepair } from './document-repair.ts';
import { openLeases } from './flocked-leases.ts';
import { openLayerRecords } from './layer-records.ts';
import { openLocks } from './locks.ts';
import { openDatabase } from './sqlite-database.ts';
import { openDocuments } from './sqlite-documents.ts';
import { openStatCache } from './stat-cache.ts';
import type { State } from './state.ts';

export interface StateOptions {
  readonly clock?: Clock;
  /** How long a writer waits for other processes before it fails as `unavailable`, in milliseconds; 30,000 if not given. */
  readonly waitLimitMs?: number;
}

/**
 * The state of the store in the folder `root`, made where it is missing. Touches nothing until it is first used.
 * Uses `varve.db*`, `names/`, `leases/` and `locks/` there.
 */
export function openState(root: string, options: StateOptions = {}): State {
  const { clock = { now: Date.now }, ...limits } = options;
  const database = openDatabase(join(root, databaseName), limits);
  const files = openDocumentFiles(join(root, 'names'));
  return {
    images: openDocuments(database, 'images', { files, clock }),
    manifests: openDocuments(database, 'manifests', { files, clock }),
    containers: openDocuments(database, 'containers', { files, clock }),
    volumes: openDocuments(database, 'volumes', { files, clock }),
    repair: openDocumentRepair(database, files),
    layers: openLayerRecords(database),
    compressedLayers: openCompressedLayerRecords(database),
    cache: openCacheRecords(database, clock),
    cacheMounts: openCacheMountRecords(database, clock),
    stats: openStatCache(database, clock),
    leases: openLeases(database, join(root, 'leases'), clock),
    locks: openLocks(join(root, 'locks')),
    transaction: (body) => database.transaction(body),
    durably: (body) => database.durably(body),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}

/**
 * Moves a damaged database into the folder `target`, so that the next `openState` begins with an empty one, to be
 * filled by `repair.restoreRows`. No process may have the store open, this one included.
 */
export function setDatabaseAside(root: string, target: string): void {
  mkdirSync(target, { recursive: true, mode: 0o700 });
  for (const suffix of ['-shm', '-wal', '']) {
    try {
      renameSync(join(root, databaseName + suffix), join(target, databaseName + suffix));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

export const databaseName = 'varve.db';
