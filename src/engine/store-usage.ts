import { join } from 'node:path';
import type { StoredImage } from '../image/index.ts';
import { takeLayerInventory } from '../layer/index.ts';
import { toDigest } from '../oci/index.ts';
import type { CacheMount } from '../snapshot/index.ts';
import { cacheSize } from './cache-size.ts';
import type { ContainerRecord } from './container-record.ts';
import { diskUsage } from './disk-usage.ts';
import { contentOfImage } from './garbage-collector.ts';
import { layerSizes } from './layer-sizes.ts';
import { findLeftovers, unfinishedWork } from './leftovers.ts';
import { pushedContent } from './registry/pushed-content.ts';
import { listRepositories, unusedRepositories } from './remote-sources.ts';
import { listStepLogs } from './step-logs.ts';
import type { Store } from './store.ts';
import type { UsageRow } from './system.ts';
import type { SystemPorts } from './system-ports.ts';

/** Where the space went. Each byte is in one row: content is counted with the first kind of the list that needs it. */
export async function storeUsage(store: Store, { containers }: SystemPorts): Promise<readonly UsageRow[]> {
  const content = new Content(store);
  const images = store.images.list();
  const records = store.state.containers.list().map(({ body }) => body as ContainerRecord);
  const used = new Set(records.map(({ imageId }) => imageId));
  const leased = new Set(store.state.leases.live().flatMap(({ digests }) => digests));
  const inUse = (image: StoredImage): boolean => used.has(image.imageId) || leased.has(image.imageId);
  for (const { chain } of records) for (const diffId of chain) content.use(toDigest(diffId));
  for (const digest of leased) content.use(digest);
  for (const image of images.filter(inUse)) for (const digest of contentOfImage(image)) content.use(digest);
  const cache = store.state.cache.list();
  const ofImages = content.take([...images.flatMap(contentOfImage), ...pushedContent(store)]);
  const ofCache = withFiles(store, content.take(cache.flatMap(({ digests }) => digests)));
  const isCacheUsed = ({ digests }: { readonly digests: readonly string[] }): boolean =>
    digests.every((each) => content.isUsed(each));
  const layers = content.takeLayers();
  const blobs = content.takeBlobs();
  return [
    { kind: 'image', total: images.length, active: images.filter(inUse).length, ...ofImages },
    containerRow(store, containers.list({ all: true })),
    { kind: 'cache', total: cache.length, active: cache.filter(isCacheUsed).length, ...ofCache },
    cacheMountRow(await store.cacheMounts.list()),
    { kind: 'layer', ...layers },
    { kind: 'blob', ...blobs },
    ...unfinishedRows(store),
  ];
}

interface Amount {
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
}

/** The layers and blobs of a store with their sizes; what was taken is counted and not there for the next. */
class Content {
  readonly #layers: Map<string, number>;
  readonly #blobs: Map<string, number>;
  readonly #used = new Set<string>();

  constructor({ root, blobs }: Store) {
    const inventory = takeLayerInventory(root);
    const sizeOf = layerSizes(root, inventory);
    this.#layers = new Map([...inventory.tars.keys()].map((diffId) => [toDigest(diffId), sizeOf(diffId)]));
    this.#blobs = new Map(blobs.list().map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  }

  /** Containers or processes at work need it: it cannot be had back. */
  use(digest: string): void {
    this.#used.add(digest);
  }

  isUsed(digest: string): boolean {
    return this.#used.has(digest);
  }

  take(digests: readonly string[]): Amount {
    let [sizeBytes, reclaimableBytes] = [0, 0];
    for (const digest of new Set(digests)) {
      const size = (this.#layers.get(digest) ?? 0) + (this.#blobs.get(digest) ?? 0);
      this.#layers.delete(digest);
      this.#blobs.delete(digest);
      sizeBytes += size;
      if (!this.#used.has(digest)) reclaimableBytes += size;
    }
    return { sizeBytes, reclaimableBytes };
  }

  takeLayers(): Omit<UsageRow, 'kind'> {
    return this.#takeAll([...this.#layers.keys()]);
  }

  takeBlobs(): Omit<UsageRow, 'kind'> {
    return this.#takeAll([...this.#blobs.keys()]);
  }

  #takeAll(digests: readonly string[]): Omit<UsageRow, 'kind'> {
    const active = digests.filter((digest) => this.#used.has(digest)).length;
    return { total: digests.length, active, ...this.take(digests) };
  }
}

/** What the steps of the cache wrote, and the repositories that they came from, are counted with it. */
function withFiles(store: Store, { sizeBytes, reclaimableBytes }: Amount): Amount {
  const logs = listStepLogs(store.root);
  const unusedLogs = logs.filter(({ isOpen }) => !isOpen);
  return {
    sizeBytes: sizeBytes + sum(logs) + sum(listRepositories(store)),
    reclaimableBytes: reclaimableBytes + sum(unusedLogs) + sum(unusedRepositories(store)),
  };
}

function containerRow({ root }: Store, list: ReturnType<SystemPorts['containers']['list']>): UsageRow {
  const sized = list.map(({ id, state }) => ({
    isActive: state === 'running',
    sizeBytes: diskUsage(join(root, 'work', id)) + diskUsage(join(root, 'containers', id)),
  }));
  return rowOf('container', sized);
}

function cacheMountRow(mounts: readonly CacheMount[]): UsageRow {
  return rowOf(
    'cache-mount',
    mounts.map((each) => ({ isActive: each.isInUse, sizeBytes: cacheSize(each) })),
  );
}

/** Whatever is not active can be reclaimed. */
function rowOf(
  kind: UsageRow['kind'],
  all: readonly { readonly isActive: boolean; readonly sizeBytes: number }[],
): UsageRow {
  const idle = all.filter(({ isActive }) => !isActive);
  return {
    kind,
    total: all.length,
    active: all.length - idle.length,
    sizeBytes: sum(all),
    reclaimableBytes: sum(idle),
  };
}

function unfinishedRows(store: Store): readonly UsageRow[] {
  const all = unfinishedWork(store);
  const left = findLeftovers(store);
  return (['work', 'ingest', 'trash'] as const).map((kind) => {
    const found = all.filter((each) => each.kind === kind);
    const reclaimable = left.filter((each) => each.kind === kind);
    return {
      kind,
      total: found.length,
      active: Math.max(0, found.length - reclaimable.length),
      sizeBytes: sum(found),
      reclaimableBytes: sum(reclaimable),
    };
  });
}

function sum(list: readonly { readonly sizeBytes: number }[]): number {
  return list.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
