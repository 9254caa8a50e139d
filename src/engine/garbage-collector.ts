import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import type { ImageStore, StoredImage, StoredIndex } from '../image/index.ts';
import { takeLayerInventory, type LayerStore } from '../layer/index.ts';
import { toDiffId, toDigest, type Digest, type DiffId } from '../oci/index.ts';
import type { Snapshotter, WorkAreas } from '../snapshot/index.ts';
import type {
  CacheRecord,
  CacheRecords,
  CompressedLayerRecords,
  DocumentRepair,
  Leases,
  State,
} from '../state/index.ts';
import { layerSizes } from './layer-sizes.ts';
import { pushedContent } from './registry/pushed-content.ts';

export interface GarbageCollectorOptions {
  /** The store's folder. */
  readonly root: string;
  readonly images: Pick<ImageStore, 'list' | 'indexes'>;
  readonly blobs: Pick<BlobStore, 'list' | 'delete' | 'stat' | 'read'>;
  readonly layers: Pick<LayerStore, 'list' | 'remove'>;
  readonly snapshotter: Pick<Snapshotter, 'forget'>;
  readonly areas: Pick<WorkAreas, 'emptyTrash'>;
  readonly cache: Pick<CacheRecords, 'list' | 'delete'>;
  readonly leases: Pick<Leases, 'live'>;
  readonly state: Pick<State, 'images' | 'manifests' | 'leases'> & {
    readonly repair: Pick<DocumentRepair, 'compare'>;
    readonly compressedLayers: Pick<CompressedLayerRecords, 'list' | 'forget'>;
  };
  /** What containers stand on. */
  readonly containerChains: () => Iterable<readonly DiffId[]>;
  readonly transaction: <T>(body: () => T) => T;
}

export interface CollectOptions {
  /**
   * What becomes of the build cache: `keep` all it needs; `trim` it to the records whose layers something else needs
   * too, which cost nothing; or `clear` it.
   */
  readonly cache: 'keep' | 'trim' | 'clear';
  /** Also what layers were compressed to here: it can be made again. */
  readonly compressed?: boolean;
}

/** What needs content by itself, beside leases and the build cache. */
export interface Roots {
  readonly images: readonly StoredImage[];
  readonly indexes: readonly Pick<StoredIndex, 'attached'>[];
  readonly containerChains: Iterable<readonly DiffId[]>;
  /** What was pushed, beside images. */
  readonly pushed: Iterable<Digest>;
}

/** What nothing needs. */
export interface Garbage {
  readonly records: readonly CacheRecord[];
  /** With the size of the tar and its indexes. Some may have a record only, or a tar only. */
  readonly layers: readonly { readonly diffId: DiffId; readonly sizeBytes: number }[];
  readonly blobs: readonly { readonly digest: Digest; readonly sizeBytes: number }[];
}

/**
 * Deletes content that nothing needs. It starts from the names of images, the containers, the leases of those who are at
 * work now, and the records of the build cache; whatever is not reached from there goes.
 *
 * Marking and renaming to the trash are one transaction: whoever adds to a lease waits that long and then sees what is
 * there. Deleting takes its time afterwards, and hinders nobody. Content that is being stored has no record yet, but a
 * lease: what has neither was left behind by somebody who died between the two.
 */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  /** What would be deleted, now or if there were no other roots than these. */
  find(options: CollectOptions, roots: Roots = this.#roots()): Garbage {
    const { cache, blobs } = this.#options;
    const needed = this.#needed(roots);
    const records = cache.list();
    const dropped = records.filter((record) => isDropped(record, options, needed));
    if (options.cache === 'keep') for (const record of records) addAll(needed, record.digests);
    if (options.compressed !== true) this.#addCompressed(needed);
    return {
      records: dropped,
      layers: this.#layersBeside(needed),
      blobs: blobs.list().filter(({ digest }) => !needed.has(digest)),
    };
  }

  /**
   * Names that are on file and not in the database: those of a database that was lost or set back. What they stand for
   * cannot be told from garbage.
   */
  lostNames(): number {
    return this.#options.state.repair.compare().filter(({ problem }) => problem === 'row-missing').length;
  }

  /** Deletes it; nothing as long as there are lost names. */
  collect(options: CollectOptions): Garbage {
    const { layers, blobs, snapshotter, areas, cache, state, transaction } = this.#options;
    const garbage = transaction(() => {
      const found = this.lostNames() > 0 ? nothing : this.find(options);
      if (found.records.length > 0) cache.delete(found.records.map((record) => record.definitionKey));
      for (const { diffId } of found.layers) layers.remove(diffId);
      for (const { digest } of found.blobs) blobs.delete(digest);
      state.compressedLayers.forget(found.blobs.map(({ digest }) => digest));
      return found;
    });
    if (garbage.layers.length > 0) snapshotter.forget(garbage.layers.map(({ diffId }) => diffId));
    areas.emptyTrash();
    return garbage;
  }

  #roots(): Roots {
    const { images, containerChains } = this.#options;
    return {
      images: images.list(),
      indexes: images.indexes(),
      containerChains: containerChains(),
      pushed: pushedContent(this.#options),
    };
  }

  /**
   * Deletes one blob or layer now: true if it was there. What the leases of `despite` hold is not needed for that. Fault
   * `conflict` if something else needs it.
   */
  deleteContent(digest: Digest, { despite }: { readonly despite: ReadonlySet<string> }): boolean {
    const { blobs, layers, cache, snapshotter, areas, transaction } = this.#options;
    const wasThere = transaction(() => {
      const needed = this.#needed(this.#roots(), despite);
      for (const record of cache.list()) addAll(needed, record.digests);
      if (needed.has(digest)) throw new Fault('conflict', `${digest} is part of an image, a manifest or the cache`);
      const isLayer = layers.list().some(({ diffId }) => toDigest(diffId) === digest);
      if (isLayer) {
        layers.remove(toDiffId(digest));
        snapshotter.forget([toDiffId(digest)]);
      }
      return blobs.delete(digest) || isLayer;
    });
    areas.emptyTrash();
    return wasThere;
  }

  #needed(roots: Roots, despite: ReadonlySet<string> = new Set()): Set<string> {
    const needed = new Set<string>();
    for (const image of roots.images) addAll(needed, contentOfImage(image));
    for (const { attached } of roots.indexes) addAll(needed, attached);
    for (const chain of roots.containerChains) addAll(needed, chain);
    addAll(needed, roots.pushed);
    for (const lease of this.#options.leases.live()) if (!despite.has(lease.id)) addAll(needed, lease.digests);
    return needed;
  }

  /** What a layer was compressed to is kept as long as the layer. */
  #addCompressed(needed: Set<string>): void {
    const records = this.#options.state.compressedLayers.list();
    addAll(
      needed,
      records.filter(({ diffId }) => needed.has(diffId)).map(({ digest }) => digest),
    );
  }

  /** Of those on record and those on the disk. */
  #layersBeside(needed: ReadonlySet<string>): Garbage['layers'] {
    const { root, layers } = this.#options;
    const inventory = takeLayerInventory(root);
    const sizeOf = layerSizes(root, inventory);
    const diffIds = new Set([...layers.list().map(({ diffId }) => diffId), ...inventory.tars.keys()]);
    const garbage = [...diffIds].filter((diffId) => !needed.has(diffId)).toSorted();
    return garbage.map((diffId) => ({ diffId, sizeBytes: sizeOf(diffId) }));
  }
}

const nothing: Garbage = { records: [], layers: [], blobs: [] };

/** The digests of all that an image is made of, as it is used here and as it was transferred, and of its indexes. */
export function contentOfImage({ imageId, manifests, indexes, chain }: StoredImage): readonly Digest[] {
  const documents = manifests.flatMap(({ digest, manifest }) => [
    digest,
    ...manifest.layers.map((each) => each.digest),
  ]);
  return [imageId, ...indexes, ...chain.map(toDigest), ...documents];
}

function isDropped(record: CacheRecord, options: CollectOptions, needed: ReadonlySet<string>): boolean {
  if (options.cache === 'keep') return false;
  return options.cache === 'clear' || !record.digests.every((digest) => needed.has(digest));
}

function addAll(set: Set<string>, digests: Iterable<string>): void {
  for (const digest of digests) set.add(digest);
}
