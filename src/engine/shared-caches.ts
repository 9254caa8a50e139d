import { resolve } from 'node:path';
import { maxRecordsBytes, type CachePlace, type SharedCache, type SharedCaches } from '../build/index.ts';
import { fetchLayer, holdCacheFolder, pushCache, readCacheArtifact, writeCacheFolder } from '../image/index.ts';
import type { LayerHolder } from '../layer/index.ts';
import { defaultTag, tagOrDigest, type Descriptor, type DiffId } from '../oci/index.ts';
import { openLayoutDirectory, type RegistryClient, type Remote } from '../registry/index.ts';
import { everyRegistry, openRegistryClient, type RegistryNames } from './registry-client.ts';
import type { Store } from './store.ts';

/** A cache is there to save time: who is out of reach is waited for some ten seconds, in two tries. */
const shortPatience = { timeouts: { connectMs: 5000 }, patienceMs: 10_000 };

/** Shared caches in registries and folders, for one build: what it keeps is the build's. */
export class StoreSharedCaches implements SharedCaches, Disposable {
  readonly #store: Store;
  readonly #holder: LayerHolder;
  readonly #insecure: RegistryNames | undefined;
  readonly #held = new Map<string, ReturnType<typeof holdCacheFolder>>();
  #client: RegistryClient | undefined;

  constructor(store: Store, holder: LayerHolder, { tlsVerify = true }: { readonly tlsVerify?: boolean } = {}) {
    this.#store = store;
    this.#holder = holder;
    this.#insecure = tlsVerify ? undefined : everyRegistry;
  }

  async open(place: CachePlace, { signal }: { readonly signal: AbortSignal }): Promise<SharedCache> {
    const { platform } = this.#store;
    const remote =
      place.kind === 'local' ? await this.#folder(place.folder) : this.#registries().repository(place.reference);
    const name = place.kind === 'local' ? (place.digest ?? place.tag) : tagOrDigest(place.reference);
    const { records, layers } = await readCacheArtifact(remote, name, { platform, maxRecordsBytes, signal });
    return {
      name: remote.name,
      records,
      layers: new Set(layers.keys()),
      fetch: (diffId, options) =>
        this.#fetch(remote, { diffId, descriptor: layers.get(diffId) as Descriptor }, options),
    };
  }

  async write(
    place: CachePlace,
    { compression, ...content }: Parameters<SharedCaches['write']>[1],
    { signal, onProgress }: Parameters<SharedCaches['write']>[2],
  ): Promise<void> {
    const { blobs, layers, images, state } = this.#store;
    const memory = { records: state.compressedLayers, locks: state.locks };
    const writing = { blobs, layers, images, memory, holder: this.#holder, packing: compression, signal, onProgress };
    if (place.kind === 'local') {
      this.#letGo(place.folder);
      return writeCacheFolder(place.folder, content, { ...writing, tag: place.tag });
    }
    const tag = place.reference.tag ?? defaultTag;
    return pushCache(this.#registries().target(place.reference), content, { ...writing, tag });
  }

  /** From before its list is read. */
  async #folder(folder: string): Promise<Remote> {
    if (!this.#held.has(resolve(folder))) this.#held.set(resolve(folder), holdCacheFolder(folder));
    return openLayoutDirectory(folder);
  }

  /** Whoever exports to where it has read from has all that it needs by then. */
  #letGo(folder: string): void {
    this.#held.get(resolve(folder))?.release();
    this.#held.delete(resolve(folder));
  }

  /** One download at a time, across processes: whoever comes second waits, and finds the layer. */
  async #fetch(
    remote: Remote,
    layer: { readonly diffId: DiffId; readonly descriptor: Descriptor },
    { signal, onProgress }: Parameters<SharedCache['fetch']>[1],
  ): Promise<void> {
    const { blobs, layers, state } = this.#store;
    const holder = this.#holder;
    const flight = {
      find: () => layers.hold(layer.diffId, holder) || undefined,
      make: async () => {
        await fetchLayer(remote, layer, { blobs, layers, holder, signal, onEvent: onProgress });
        return true;
      },
    };
    await state.locks.singleFlight(`layer ${layer.diffId}`, flight, { signal });
  }

  /** Most builds need none: what is set for registries is read by those that do. */
  #registries(): RegistryClient {
    this.#client ??= openRegistryClient(this.#store, { insecure: this.#insecure, limits: shortPatience });
    return this.#client;
  }

  [Symbol.dispose](): void {
    this.#client?.[Symbol.dispose]();
    for (const folder of this.#held.keys()) this.#letGo(folder);
  }
}
