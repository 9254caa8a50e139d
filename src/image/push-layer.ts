import type { BlobStore } from '../blob/index.ts';
import { toDigest, type Descriptor, type DiffId } from '../oci/index.ts';
import type { BlobContent, LayoutBlob, RemoteTarget } from '../registry/index.ts';
import type { Limit } from '../std/index.ts';
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
  const { options, upload, pack, ports } = pushing;
  const { onEvent, signal } = options;
  onEvent({ kind: 'layer', diffId, state: 'waiting' });
  if (isCompressedElsewhere(layer, pushing) && (await target.hasBlob(stored, { signal }))) {
    onEvent({ kind: 'layer', diffId, state: 'exists' });
    return stored;
  }
  const source =
    ports.sources.ready(stored, diffId) ?? (await pack(() => ports.sources.source(stored, diffId), signal));
  await upload(() => pushLayerBlob(target, { source, diffId }, options), signal);
  return source.descriptor;
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
  if (await target.hasBlob(descriptor, { signal })) return onEvent({ kind: 'layer', diffId, state: 'exists' });
  for (const from of elsewhere(diffId)) {
    if (await target.mountBlob(descriptor, from, { signal })) {
      return onEvent({ kind: 'layer', diffId, state: 'mounted', from });
    }
  }
  const totalBytes = descriptor.size;
  onEvent({ kind: 'bytes', diffId, doneBytes: 0, totalBytes });
  await target.putBlob(contentOf(descriptor, blob), {
    signal,
    onProgress: (doneBytes) => onEvent({ kind: 'bytes', diffId, doneBytes, totalBytes }),
  });
  onEvent({ kind: 'layer', diffId, state: 'done' });
}

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
