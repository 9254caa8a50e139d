import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { StoredImage } from '../image/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Document, ManifestBody } from '../state/index.ts';
import { familiarReference, parseReference } from '../oci/index.ts';
import { findCacheMountGarbage, removeCacheMountGarbage, type CacheMountGarbage } from './cache-mount-garbage.ts';
import type { ContainerRecord } from './container-record.ts';
import type { ContainerSummary } from './containers.ts';
import { diskUsage } from './disk-usage.ts';
import type { CollectOptions, Garbage, Roots } from './garbage-collector.ts';
import { findLeftovers, type Leftover } from './leftovers.ts';
import { pushedContent, unusedManifests } from './registry/pushed-content.ts';
import { unusedRepositories } from './remote-sources.ts';
import { listStepLogs, removeStepLogs, type StepLogFile } from './step-logs.ts';
import type { Store } from './store.ts';
import type { PruneOptions, PruneReport } from './system.ts';
import type { SystemPorts } from './system-ports.ts';

type Deleted = PruneReport['deleted'][number];

/**
 * Deletes, in this order: containers that do not run; images that have no name and no container, with `all` also those
 * with names; pushed manifests that nothing means; records of the build cache that alone keep a layer, with `all` every
 * record, what the steps wrote, the git repositories and the cache mounts that no step uses now; content that nothing
 * needs; what dead processes left behind. What a lease covers, and so what a running build or pull relies on, stays.
 */
export async function prune(store: Store, ports: SystemPorts, options: PruneOptions): Promise<PruneReport> {
  requireAllNames(ports);
  const plan = await planPrune(store, ports, options);
  if (options.dryRun) return report(plan);
  const containers = await removeContainers(plan.containers, ports, options.signal);
  options.signal.throwIfAborted();
  const images = removeImages(store, plan, options.all);
  const manifests = removeManifests(store, options);
  const garbage = ports.collector.collect(collecting(options));
  const logs = options.all ? removeStepLogs(store.root) : [];
  const cacheMounts = await removeCacheMountGarbage(plan.cacheMounts);
  await ports.containers.sweep();
  for (const each of plan.leftovers) remove(each);
  return report({ ...plan, containers, images, manifests, garbage, logs, cacheMounts });
}

interface Plan {
  readonly containers: readonly StoppedContainer[];
  readonly images: readonly StoredImage[];
  readonly manifests: readonly Document<ManifestBody>[];
  readonly garbage: Garbage;
  readonly logs: readonly StepLogFile[];
  readonly cacheMounts: readonly CacheMountGarbage[];
  readonly leftovers: readonly Leftover[];
}

interface StoppedContainer {
  readonly id: string;
  readonly sizeBytes: number;
}

async function planPrune(store: Store, { collector, containers }: SystemPorts, options: PruneOptions): Promise<Plan> {
  const { all } = options;
  const nowMs = store.clock.now();
  const stopped = containers.list({ all: true }).filter((each) => isUnused(each, nowMs));
  const gone = new Set(stopped.map(({ id }) => id));
  const images = unusedImages(store, { all, without: gone });
  const manifests = unusedManifests(store, { all });
  const isGone = (asked: string): boolean => images.some(({ imageId }) => imageId === asked);
  const roots: Roots = {
    images: store.images.list().filter(({ imageId }) => !isGone(imageId)),
    indexes: store.images.indexes().filter(({ members }) => !members.every(({ image }) => isGone(image.imageId))),
    containerChains: recordsWithout(store, gone).map(({ chain }) => chain),
    pushed: pushedContent(store, manifests),
  };
  return {
    containers: stopped.map(({ id }) => ({ id, sizeBytes: containerSize(store, id) })),
    images,
    manifests,
    garbage: collector.find(collecting(options), roots),
    logs: all ? listStepLogs(store.root).filter(({ isOpen }) => !isOpen) : [],
    cacheMounts: [...(await findCacheMountGarbage(store, all)), ...(all ? unusedRepositories(store) : [])],
    leftovers: findLeftovers(store),
  };
}

function collecting({ all, compressed = false }: PruneOptions): CollectOptions {
  return { cache: all ? 'clear' : 'trim', compressed };
}

/** It does not run; and it is no container that somebody made a moment ago to start it now. */
function isUnused({ state, created }: ContainerSummary, nowMs: number): boolean {
  return state !== 'running' && !(state === 'created' && nowMs - Date.parse(created) < startingMs);
}

const startingMs = 10_000;

/**
 * A name whose file stands alone is that of a database that was lost or set back: what it stands for must not be taken
 * for garbage.
 */
function requireAllNames({ collector }: SystemPorts): void {
  const lost = collector.lostNames();
  if (lost === 0) return;
  throw new Fault('conflict', `prune the store: ${lost} names are on file and not in the database`, {
    hint: "'varve check --repair' puts them back",
  });
}

function unusedImages(
  store: Store,
  { all, without }: { readonly all: boolean; readonly without: ReadonlySet<string> },
): readonly StoredImage[] {
  const used = new Set(recordsWithout(store, without).map(({ imageId }) => imageId));
  const leased = new Set(store.state.leases.live().flatMap(({ digests }) => digests));
  const isUsed = (image: StoredImage): boolean => used.has(image.imageId) || isLeased(image, leased);
  const images = store.images.list();
  const usedIndexes = new Set(images.filter(isUsed).flatMap(({ indexes }) => indexes));
  return images.filter(
    (image) =>
      (all || image.names.length === 0) && !isUsed(image) && !image.indexes.some((each) => usedIndexes.has(each)),
  );
}

/** Who works with an image holds its documents, or at least its layers. */
function isLeased({ imageId, manifestDigest, chain }: StoredImage, leased: ReadonlySet<string>): boolean {
  return [imageId, manifestDigest, chain.at(-1) ?? ''].some((digest) => leased.has(digest));
}

function recordsWithout({ state }: Store, ids: ReadonlySet<string>): readonly ContainerRecord[] {
  const documents = state.containers.list().filter(({ id }) => !ids.has(id));
  return documents.map(({ body }) => body as ContainerRecord);
}

function containerSize({ root }: Store, id: string): number {
  return diskUsage(join(root, 'work', id)) + diskUsage(join(root, 'containers', id));
}

/** Those that are gone afterwards; one that was started or removed meanwhile is left out. */
async function removeContainers(
  stopped: readonly StoppedContainer[],
  { containers }: SystemPorts,
  signal: AbortSignal,
): Promise<readonly StoppedContainer[]> {
  const removed: StoppedContainer[] = [];
  for (const container of stopped) {
    signal.throwIfAborted();
    try {
      await containers.remove(container.id, { force: false });
      removed.push(container);
    } catch (error) {
      if (!Fault.is(error, 'conflict') && !Fault.is(error, 'not-found')) throw error;
    }
  }
  return removed;
}

/** Looks again whether they are unused: their names go in the same transaction. */
function removeImages(store: Store, plan: Plan, all: boolean): readonly StoredImage[] {
  const planned = new Set<Digest>(plan.images.map(({ imageId }) => imageId));
  return store.state.durably(() => {
    const unused = unusedImages(store, { all, without: new Set() });
    const images = unused.filter(({ imageId }) => planned.has(imageId));
    for (const { imageId } of images) store.images.remove(imageId);
    return images;
  });
}

/** Looks again too. */
function removeManifests(store: Store, { all }: Pick<PruneOptions, 'all'>): Plan['manifests'] {
  return store.state.durably(() => {
    const unused = unusedManifests(store, { all });
    for (const { id } of unused) store.state.manifests.remove(id);
    return unused;
  });
}

/** An ingest that somebody took up meanwhile stays. */
function remove(leftover: Leftover): void {
  try {
    leftover.remove();
  } catch (error) {
    if (!Fault.is(error, 'unavailable')) throw error;
  }
}

/** Each byte counts once: an image's layers stand by themselves, its documents with it. */
function report({ containers, images, manifests, garbage, logs, cacheMounts, leftovers }: Plan): PruneReport {
  const documents = new Map(
    images.flatMap((image) => [image.manifestDigest, image.imageId].map((each) => [each, image])),
  );
  const deleted: readonly Deleted[] = [
    ...containers.map(({ id, sizeBytes }) => ({ kind: 'container' as const, name: id, sizeBytes })),
    ...images.map((image) => ({
      kind: 'image' as const,
      name: nameOf(image),
      sizeBytes: documentBytes(image, garbage),
    })),
    ...manifests.map(({ id }) => ({ kind: 'image' as const, name: id, sizeBytes: 0 })),
    ...garbage.records.map(({ label }) => ({ kind: 'cache' as const, name: label, sizeBytes: 0 })),
    ...logs.map(({ name, sizeBytes }) => ({ kind: 'cache' as const, name, sizeBytes })),
    ...garbage.layers.map(({ diffId, sizeBytes }) => ({ kind: 'layer' as const, name: diffId, sizeBytes })),
    ...garbage.blobs
      .filter(({ digest }) => !documents.has(digest))
      .map(({ digest, sizeBytes }) => ({ kind: 'blob' as const, name: digest, sizeBytes })),
    ...[...cacheMounts, ...leftovers].map(({ kind, name, sizeBytes }) => ({ kind, name, sizeBytes })),
  ];
  return { deleted, reclaimedBytes: deleted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

function documentBytes({ manifestDigest, imageId }: StoredImage, { blobs }: Garbage): number {
  const own = blobs.filter(({ digest }) => digest === manifestDigest || digest === imageId);
  return own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function nameOf({ names, imageId }: StoredImage): string {
  return names.length === 0 ? imageId : names.map((name) => familiarReference(parseReference(name))).join(', ');
}
