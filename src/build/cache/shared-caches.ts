import type { DiffId } from '../../oci/index.ts';
import type { CacheCompression, CachePlace } from './cache-place.ts';

/**
 * Caches that several machines share, in a registry or a folder.
 *
 * A **shared cache** is one small document, the entries of its steps (`SharedEntry`), and beside it the layers that they
 * name, compressed. Reading one costs the document; a layer travels when a step needs its bytes: to run on them, to copy
 * from them, to be part of what is made. The layers of a base image are not in it: who can use an entry has the base.
 *
 * Nothing in it is believed. A layer is hashed on arrival, and whether it holds what its entry claims is for who asked.
 */
export interface SharedCaches {
  /**
   * The cache at this place; or, where an image is there, what it tells of its own steps. Fault `not-found` if there is
   * nothing, `unsupported` for something else, and whatever a registry may answer.
   */
  open(place: CachePlace, options: { readonly signal: AbortSignal }): Promise<SharedCache>;

  /** Puts a cache there, in place of what is there; layers that are there already do not travel again. */
  write(place: CachePlace, content: SharedCacheContent, options: CacheTransferOptions): Promise<void>;
}

export interface SharedCache {
  /** For messages. */
  readonly name: string;
  /** The document as it was written; see `decodeEntries`. */
  readonly records: Uint8Array;
  /** The layers that it says it has. */
  readonly layers: ReadonlySet<DiffId>;
  /**
   * Brings one of the layers into the store, held. Fault `not-found` if it is gone, `corrupt` if it is not what its diff
   * ID says.
   */
  fetch(diffId: DiffId, options: CacheTransferOptions): Promise<void>;
}

export interface SharedCacheContent {
  readonly records: Uint8Array;
  /** All of them are in the store. */
  readonly layers: readonly DiffId[];
  readonly compression: CacheCompression;
}

export interface CacheTransferOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

/** Brings layers that are not here yet. */
export interface LayerFetcher {
  /**
   * Every layer of the chain is in the store when this returns. To be called before anything of it is read. A layer that
   * cannot be had is a Fault; the build then looks for another way to it.
   */
  bring(chain: readonly DiffId[], signal: AbortSignal): Promise<void>;
}
