/**
 * Crash-safe records and locks between processes, on SQLite and files. Knows nothing of what digests, results and
 * bodies mean, and of the content that they speak of.
 */
export type { CacheMountFacts, CacheMountRecord, CacheMountRecords } from './cache-mount-records.ts';
export type { CacheRecord, CacheRecords, NewCacheRecord } from './cache-records.ts';
export type { CompressedLayerRecord, CompressedLayerRecords } from './compressed-layers.ts';
export type {
  Disagreement,
  Document,
  DocumentKind,
  DocumentRepair,
  Documents,
  ImageBody,
  ImageIndexBody,
  JsonBody,
  ManifestBody,
  NewDocument,
  SingleImageBody,
} from './documents.ts';
export type { LayerRecord, LayerRecords } from './layer-records.ts';
export type { Lease, Leases, LiveLease } from './leases.ts';
export type { Flight, Locks } from './locks.ts';
export { openState, setDatabaseAside } from './open-state.ts';
export type { StateOptions } from './open-state.ts';
export { databaseProblems, processesUsingDatabase } from './database-problems.ts';
export type { FileStamp, HashedFile } from './hash-entries.ts';
export type { DirectoryHashes, FileIdentity, StatCache } from './stat-cache.ts';
export type { State } from './state.ts';
