import type { BlobStore } from '../blob/index.ts';
import { toDigest, type Descriptor, type DiffId } from '../oci/index.ts';
import type { BlobContent, LayoutBlob, RemoteTarget } from '../registry/index.ts';
import type { Limit } from '../std/index.ts';
import type { GrowingBlob } from './growing-blob.ts';
import type { LayerSource, LayerSources } from './layer-sources.ts';

export interface PushPorts {
  readonly blobs: BlobStore;
  readonly sources: LayerSources;
}

export interface PushImageOptions {
  /** The name that the image, or the index, gets there; without it, it is known by its digest alone. */
  readonly tag: string | undefined;
  /** Names of remotes that may have this layer: tried where the place can take blobs over from one of them. */
  readonly elsewhere: (diffId: DiffId) => readonly string[];
  readonly signal: AbortSignal;
  readonly onEvent: (event: PushEvent) => void;
}

export type PushEvent =
  | {
      readonly kind: 'layer';
      readonly diffId: DiffId;
      readonly state: 'preparing' | 'waiting' | 'exists' | 'done';
    }
  | { readonly kind: 'layer'; readonly diffId: DiffId; readonly state: 'mounted'; readonly from: string }
  | { readonly kind: 'bytes'; readonly diffId: DiffId; readonly doneBytes: number; readonly totalBytes: number };

export interface Pushing {
  readonly ports: PushPorts;
  readonly options: PushImageOptions;
}

/** With turns: for those who send, and for those who compress. */
export interface PushingInTurn extends Pushing {
  readonly upload: Limit;
  readonly pack: Limit;
}

interface Layer {
  readonly stored: Descriptor;
  readonly diffId: DiffId;
}

/** Sees that the layer is there, in whatever way is the shortest, and gives its descriptor. */
export async function pushLayer(target: RemoteTarget, layer: Layer, pushing: PushingInTurn): Promise<Descriptor> {
  const { stored, diffId } = layer;
  const { options, upload, ports } = pushing;
  const { onEvent, signal } = options;
  onEvent({ kind: 'layer', diffId, state: 'waiting' });
  if (isCompressedElsewhere(layer, pushing) && (await target.hasBlob(stored, { signal }))) {
    onEvent({ kind: 'layer', diffId, state: 'exists' });
    return stored;
  }
  const source = ports.sources.ready(stored, diffId);
  if (source === undefined) return pushMadeLayer(target, layer, pushing);
  await upload(() => pushLayerBlob(target, { source, diffId }, options), signal);
  return source.descriptor;
}

/** What has to be compressed first leaves while that goes on; where its turn comes later, as any other layer. */
async function pushMadeLayer(target: RemoteTarget, layer: Layer, pushing: PushingInTurn): Promise<Descriptor> {
  const { diffId } = layer;
  const { options, upload } = pushing;
  const { made, growing } = await beginMaking(layer, pushing);
  const push = async (): Promise<void> => {
    if (growing !== undefined && !growing.isWhole && target.putGrowingBlob !== undefined) {
      return pushGrowingLayer(target, { growing, diffId }, options);
    }
    await pushLayerBlob(target, { source: await made, diffId }, options);
  };
  try {
    await upload(push, options.signal);
  } finally {
    // An upload that failed is no reason to compress the layer again next time.
    await Promise.allSettled([made]);
  }
  return (await made).descriptor;
}

interface LayerInTheMaking {
  readonly made: Promise<LayerSource>;
  /** What can be read of it meanwhile; undefined where it is whole, or is made by somebody else. */
  readonly growing: GrowingBlob | undefined;
}

/** Settles when the layer's turn to be made has come. */
async function beginMaking(
  { stored, diffId }: Layer,
  { ports, pack, options: { signal } }: PushingInTurn,
): Promise<LayerInTheMaking> {
  const begun = Promise.withResolvers<GrowingBlob | undefined>();
  const made = pack(() => ports.sources.source(stored, diffId, { onGrowing: begun.resolve }), signal);
  const stop = (): void => begun.resolve(undefined);
  made.then(stop, stop);
  return { made, growing: await begun.promise };
}

/** A pulled layer that was here before as a tar: the blob that its manifest names was never fetched. */
function isCompressedElsewhere({ stored, diffId }: Layer, { ports }: PushingInTurn): boolean {
  return stored.digest !== toDigest(diffId) && ports.blobs.stat(stored.digest) === undefined;
}

async function pushLayerBlob(
  target: RemoteTarget,
  { source, diffId }: { readonly source: LayerSource; readonly diffId: DiffId },
  { elsewhere, onEvent, signal }: PushImageOptions,
): Promise<void> {
  const { descriptor, blob } = source;
  const found = await findThere(target, descriptor, { from: elsewhere(diffId), signal });
  if (found !== undefined) return onEvent({ kind: 'layer', diffId, ...found });
  const totalBytes = descriptor.size;
  onEvent({ kind: 'bytes', diffId, doneBytes: 0, totalBytes });
  await target.putBlob(contentOf(descriptor, blob), {
    signal,
    onProgress: (doneBytes) => onEvent({ kind: 'bytes', diffId, doneBytes, totalBytes }),
  });
  onEvent({ kind: 'layer', diffId, state: 'done' });
}

interface FindOptions {
  /** Names of remotes that it may be taken over from. */
  readonly from: readonly string[];
  readonly signal: AbortSignal;
}

/** How the blob is there without being sent. */
async function findThere(
  target: RemoteTarget,
  descriptor: Descriptor,
  { from, signal }: FindOptions,
): Promise<{ readonly state: 'exists' } | { readonly state: 'mounted'; readonly from: string } | undefined> {
  if (await target.hasBlob(descriptor, { signal })) return { state: 'exists' };
  for (const name of from) {
    if (await target.mountBlob(descriptor, name, { signal })) return { state: 'mounted', from: name };
  }
  return undefined;
}

/**
 * Its digest, and so whether the place has it, is known only when it is whole. Where most of it is still to be sent then, as over
 * a slow link, that is asked, and saves the rest.
 */
async function pushGrowingLayer(
  target: RemoteTarget,
  { growing, diffId }: { readonly growing: GrowingBlob; readonly diffId: DiffId },
  { elsewhere, onEvent, signal }: PushImageOptions,
): Promise<void> {
  const unneeded = new AbortController();
  let sentBytes = 0;
  const asked = growing.descriptor.then(async (descriptor) => {
    if (descriptor.size - sentBytes < askedForBytes) return undefined;
    const found = await findThere(target, descriptor, { from: elsewhere(diffId), signal });
    if (found !== undefined) unneeded.abort();
    return found;
  });
  const onProgress = (doneBytes: number): void => {
    sentBytes = doneBytes;
    onEvent({ kind: 'bytes', diffId, doneBytes, totalBytes: growing.expectedBytes });
  };
  onProgress(0);
  const sent = target.putGrowingBlob?.(growing, { signal: AbortSignal.any([signal, unneeded.signal]), onProgress });
  const [sending, asking] = await Promise.allSettled([sent, asked]);
  const found = asking.status === 'fulfilled' ? asking.value : undefined;
  if (found !== undefined) return onEvent({ kind: 'layer', diffId, ...found });
  if (sending.status === 'rejected') throw sending.reason;
  onEvent({ kind: 'layer', diffId, state: 'done' });
}

/** Less is sent sooner than asked for. */
const askedForBytes = 4 << 20;

/** Sees that a blob is there. */
export async function pushBlob(
  target: RemoteTarget,
  descriptor: Descriptor,
  { blob, signal }: { readonly blob: LayoutBlob; readonly signal: AbortSignal },
): Promise<void> {
  if (await target.hasBlob(descriptor, { signal })) return;
  await target.putBlob(contentOf(descriptor, blob), { signal });
}

function contentOf(descriptor: Descriptor, blob: LayoutBlob): BlobContent {
  return { descriptor, open: (offsetBytes) => blob.read(offsetBytes) };
}
