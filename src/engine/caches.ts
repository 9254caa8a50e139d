import type { CacheMount } from '../snapshot/index.ts';

/**
 * The folders that steps keep between builds (`RUN --mount=type=cache`), as people handle them.
 *
 * A cache is named by its id, as Dockerfiles have it, or by the beginning of its key, 4 digits at least: the key is for
 * caches of one id that begin with different content, owner or mode. Everywhere: Fault `not-found`, and `conflict` where
 * a name stands for several caches.
 */
export interface Caches {
  /** All, by id and key. */
  list(): Promise<readonly CacheSummary[]>;

  /**
   * Writes the content as a tar, the folder itself as `./`: owners, modes, times, attributes, hard links. The same content gives the
   * same bytes. Fault `conflict` if a step has the cache for itself, or changes a file while it is read.
   */
  export(name: string, options: CacheExportOptions): Promise<void>;

  /**
   * Replaces the content, all at once, by that of a tar, plain, gzip or zstd; a cache that is not there is made. Nothing of
   * the archive gets outside of it. Fault `conflict` if a step uses the cache; then, and if the archive is no good,
   * the content stays as it was.
   */
  import(name: string, tar: AsyncIterable<Uint8Array>, options: CacheImportOptions): Promise<CacheSummary>;

  /** Removes the cache. Fault `conflict` if it is in use. */
  remove(name: string): Promise<CacheSummary>;
}

export interface CacheExportOptions {
  /** Given pieces of about 1 MiB, each to be used up before its promise resolves. */
  readonly write: (piece: Uint8Array) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface CacheImportOptions {
  readonly signal: AbortSignal;
}

export interface CacheSummary {
  readonly id: string;
  /** 32 hex digits. */
  readonly key: string;
  /** Bytes of all files in all of its folders. */
  readonly sizeBytes: number;
  /** RFC 3339, as `lastUsed`. */
  readonly created: string;
  /** Undefined if no step has used it. */
  readonly lastUsed: string | undefined;
  /** How many steps have used it. */
  readonly uses: number;
  readonly isInUse: boolean;
  /** Of the last use. */
  readonly sharing: CacheMount['sharing'];
  /** More than one where steps could not share it. */
  readonly folderCount: number;
  /** Of a fresh folder. */
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}
