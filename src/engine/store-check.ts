import { takeLayerInventory } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import { checkBlobs } from './check-blobs.ts';
import { checkCacheMounts } from './check-cache-mounts.ts';
import { checkDatabase, checkDocuments } from './check-database.ts';
import { Findings, type Checking } from './check-findings.ts';
import { checkImageIndexes, readImageIndexes } from './check-image-indexes.ts';
import { checkImages, readImages, type ReadParts } from './check-images.ts';
import { checkIndexes } from './check-indexes.ts';
import { checkLayers, type LayerNeeds } from './check-layers.ts';
import { checkLeftovers } from './check-leftovers.ts';
import { checkManifests } from './check-manifests.ts';
import type { ContainerRecord } from './container-record.ts';
import { findLeftovers } from './leftovers.ts';
import type { Store } from './store.ts';
import type { CheckOptions, CheckReport } from './system.ts';
import type { SystemPorts } from './system-ports.ts';

/**
 * Checks the store from the bottom up: the database, the names in it and on file, blobs, layers and their indexes,
 * images, pushed manifests, containers, and what was left behind. A lease keeps all that is there from garbage collection meanwhile.
 */
export async function checkStore(store: Store, ports: SystemPorts, options: CheckOptions): Promise<CheckReport> {
  const { repair, signal } = options;
  const findings = new Findings();
  if (!checkDatabase(store, { repair, findings })) {
    return { findings: findings.list, checked: { layers: 0, blobs: 0, images: 0 } };
  }
  using lease = store.state.leases.acquire({ purpose: 'check' });
  const blobs = store.blobs.list().map(({ digest }) => digest);
  const layers = layersOf(store);
  lease.addAll([...blobs, ...layers]);
  const total = blobs.length + layers.length;
  let done = 0;
  const advance = (): void => options.onProgress(Math.min(++done, total), total);
  const checking: Checking = { store, containers: ports.containers, repair, signal, findings, lease, advance };
  const left = findLeftovers(store);
  const images = await checkContent(checking);
  await checkLeftovers(checking, left);
  return { findings: findings.list, checked: { layers: layers.length, blobs: blobs.length, images: distinct(images) } };
}

function distinct(images: readonly ReadParts[]): number {
  return new Set(images.map(({ configDigest }) => configDigest)).size;
}

/** On record or on the disk. */
function layersOf({ root, layers }: Store): readonly DiffId[] {
  const recorded = layers.list().map(({ diffId }) => diffId);
  return [...new Set([...recorded, ...takeLayerInventory(root).tars.keys()])];
}

async function checkContent(checking: Checking): Promise<readonly ReadParts[]> {
  const { store } = checking;
  checkDocuments(checking);
  const blobs = await checkBlobs(checking);
  const named = readImages(checking, blobs);
  const indexes = readImageIndexes(checking, blobs);
  const members = indexes.flatMap((index) => (index.members ?? []).flatMap(({ parts }) => parts ?? []));
  const images = [...named, ...members];
  const chains = [...images.flatMap(({ chain }) => (chain === undefined ? [] : [chain])), ...containerChains(store)];
  const layers = await checkLayers(checking, needsOf(images, chains));
  await checkIndexes(checking, { chains, unusable: unusableOf(store, chains, layers) });
  checkImages(checking, named, layers);
  checkImageIndexes(checking, indexes, layers);
  checkManifests(checking, { blobs, layers });
  checkContainers(checking, layers);
  await checkCacheMounts(checking);
  return images;
}

function containerChains({ state }: Store): readonly (readonly DiffId[])[] {
  return state.containers.list().map(({ body }) => (body as ContainerRecord).chain);
}

function needsOf(images: readonly ReadParts[], chains: readonly (readonly DiffId[])[]): LayerNeeds {
  const pairs = images.flatMap(({ chain = [], manifest }) =>
    (manifest?.layers ?? []).map((descriptor, position) => [chain[position], descriptor] as const),
  );
  const sources = new Map(
    pairs.flatMap(([diffId, descriptor]) => (diffId === undefined ? [] : [[diffId, descriptor]])),
  );
  return { needed: new Set(chains.flat()), sources };
}

function unusableOf(
  { layers }: Store,
  chains: readonly (readonly DiffId[])[],
  known: ReadonlySet<DiffId>,
): ReadonlySet<DiffId> {
  const missing = chains.flat().filter((diffId) => layers.stat(diffId) === undefined);
  return new Set([...known, ...missing]);
}

/** A container's own writable layer may hold what somebody needs: it is not removed with the layers below it. */
function checkContainers({ store, findings }: Checking, unusable: ReadonlySet<DiffId>): void {
  for (const { name, body } of store.state.containers.list()) {
    const lost = (body as ContainerRecord).chain.find(
      (diffId) => unusable.has(diffId) || store.layers.stat(diffId) === undefined,
    );
    if (lost === undefined) continue;
    findings.error(
      `container ${name}: its layer ${lost} is missing or damaged; pull or build its image again, or 'varve rm ${name}'`,
      false,
    );
  }
}
