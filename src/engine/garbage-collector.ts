import type { BlobStore } from '../blob/index.ts';
import type { ImageStore } from '../image/index.ts';
import type { LayerStore } from '../layer/index.ts';
import { toDigest, type Digest, type DiffId } from '../oci/index.ts';
import type { Snapshotter } from '../snapshot/index.ts';
import type { CacheRecords, Leases } from '../state/index.ts';

export interface GarbageCollectorOptions {
  readonly images: ImageStore;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly snapshotter: Snapshotter;
  readonly cache: CacheRecords;
  readonly leases: Leases;
  /** What containers stand on. */
  readonly containerChains: () => Iterable<readonly DiffId[]>;
  readonly transaction: <T>(body: () => T) => T;
}

/** What nothing needs. */
export interface Garbage {
  readonly layers: readonly { readonly diffId: DiffId; readonly sizeBytes: number }[];
  readonly blobs: readonly { readonly digest: Digest; readonly sizeBytes: number }[];
}

/**
 * Deletes content that nothing needs. It starts from the names of images, the containers, the leases of those who are at
 * work now, and the records of the build cache; whatever is not reached from there goes.
 *
 * Marking and renaming to the trash are one transaction: whoever adds to a lease waits that long and then sees what is
 * there. Deleting takes its time afterwards, and hinders nobody.
 */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  /** What would be deleted; `withoutCache`: as if the build cache held nothing. */
  find(options: { readonly withoutCache: boolean }): Garbage {
    const needed = this.#mark(options.withoutCache);
    const { layers, blobs } = this.#options;
    return {
      layers: layers.list().filter(({ diffId }) => !needed.has(toDigest(diffId))),
      blobs: blobs.list().filter(({ digest }) => !needed.has(digest)),
    };
  }

  /** Deletes it, with the cache's records where it is to hold nothing. */
  collect(options: { readonly withoutCache: boolean }): Garbage {
    const { layers, blobs, snapshotter, cache, transaction } = this.#options;
    const garbage = transaction(() => {
      if (options.withoutCache) cache.delete(cache.list().map((record) => record.definitionKey));
      const found = this.find(options);
      for (const { diffId } of found.layers) layers.remove(diffId);
      for (const { digest } of found.blobs) blobs.delete(digest);
      return found;
    });
    snapshotter.forget(garbage.layers.map(({ diffId }) => diffId));
    return garbage;
  }

  #mark(withoutCache: boolean): ReadonlySet<string> {
    const { images, containerChains, leases, cache } = this.#options;
    const needed = new Set<string>();
    for (const image of images.list()) {
      for (const digest of [image.manifestDigest, image.imageId, ...image.chain]) needed.add(digest);
      for (const descriptor of image.manifest.layers) needed.add(descriptor.digest);
    }
    for (const chain of containerChains()) for (const diffId of chain) needed.add(diffId);
    for (const lease of leases.live()) for (const digest of lease.digests) needed.add(digest);
    if (!withoutCache) for (const record of cache.list()) for (const digest of record.digests) needed.add(digest);
    return needed;
  }
}
