import type { CacheMountRecords } from './cache-mount-records.ts';
import type { CacheRecords } from './cache-records.ts';
import type { CompressedLayerRecords } from './compressed-layers.ts';
import type { Database } from './database.ts';
import type { DocumentRepair, Documents, ImageBody, JsonBody, ManifestBody } from './documents.ts';
import type { LayerRecords } from './layer-records.ts';
import type { Leases } from './leases.ts';
import type { Locks } from './locks.ts';
import type { StatCache } from './stat-cache.ts';

/**
 * All that a store remembers beside its content, and the locks by which processes that use it stay out of each other's
 * way. There is no daemon: any number of processes have the same store open, and each may be killed at any time.
 *
 * - **documents** (images, manifests, containers, volumes) may not be lost: a change outlives a power cut once the call returns;
 * - **records** (layers, compressed layers, cache, cache mounts, stat cache) may be lost newest first by a power cut, but are never wrong or half there;
 * - **leases** and **locks** end with the process that holds them.
 *
 * Each user of the state takes the one collection that it needs, not the whole.
 */
export interface State extends Disposable, Pick<Database, 'transaction' | 'durably'> {
  readonly images: Documents<ImageBody>;
  readonly manifests: Documents<ManifestBody>;
  readonly containers: Documents<JsonBody>;
  readonly volumes: Documents<JsonBody>;
  readonly repair: DocumentRepair;
  readonly layers: LayerRecords;
  readonly compressedLayers: CompressedLayerRecords;
  readonly cache: CacheRecords;
  readonly cacheMounts: CacheMountRecords;
  readonly stats: StatCache;
  readonly leases: Leases;
  readonly locks: Locks;
}
