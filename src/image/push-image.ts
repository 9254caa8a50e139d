import type { BlobStore } from '../blob/index.ts';
import {
  encodeManifest,
  maxManifestBytes,
  parseManifest,
  toDigest,
  type Descriptor,
  type DiffId,
  type ImageManifest,
} from '../oci/index.ts';
import type { LayoutBlob, RemoteTarget } from '../registry/index.ts';
import { allOrFirstFault, createLimit, readAll, type Limit } from '../std/index.ts';
import type { LayerSource, LayerSources } from './layer-sources.ts';
import type { OutgoingImage, OutgoingIndex } from './outgoing-image.ts';

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

/**
 * Brings an image or an index to a remote: layers and config first, then the manifest, of an index all members before
 * itself. Only what is missing there travels. What is there under the tag already costs one question.
 *
 * Layers that were pulled go out byte for byte, others as `sources` packs them; the manifest says so. Gives the descriptor
 * of what the tag means there now.
 */
export async function pushImage(
  target: RemoteTarget,
  content: OutgoingImage | OutgoingIndex,
  { ports, options }: Pushing,
): Promise<Descriptor> {
  const pushing = { ports, options, limit: createLimit(blobsAtOnce) };
  if (content.kind === 'image') return pushOne(target, content, pushing);
  const untagged = { ...pushing, options: { ...options, tag: undefined } };
  const members: Descriptor[] = [];
  for (const { image } of content.members) members.push(await pushOne(target, image, untagged));
  return pushIndex(target, { content, members }, pushing);
}

interface Pushing {
  readonly ports: PushPorts;
  readonly options: PushImageOptions;
}

type LimitedPushing = Pushing & { readonly limit: Limit };

/** As many as Docker uploads at once. */
const blobsAtOnce = 5;

async function pushOne(target: RemoteTarget, image: OutgoingImage, pushing: LimitedPushing): Promise<Descriptor> {
  const { options } = pushing;
  const chain = [...new Set(image.chain)];
  for (const diffId of chain) options.onEvent({ kind: 'layer', diffId, state: 'preparing' });
  const known = await alreadyThere(target, image, pushing);
  if (known !== undefined) {
    for (const diffId of chain) options.onEvent({ kind: 'layer', diffId, state: 'exists' });
    return known;
  }
  const works = new Map(
    chain.map((diffId) => {
      const stored = image.manifest.layers[image.chain.indexOf(diffId)] as Descriptor;
      return [diffId, (signal: AbortSignal) => pushLayer(target, { stored, diffId }, withSignal(pushing, signal))];
    }),
  );
  const sent = await allOrFirstFault([...works.values()], options.signal);
  const at = new Map([...works.keys()].map((diffId, index) => [diffId, sent[index] as Descriptor]));
  await pushBlob(target, image.manifest.config, { blob: image.config, pushing });
  return putManifest(
    target,
    manifestBytes(
      image,
      image.chain.map((diffId) => at.get(diffId) as Descriptor),
    ),
    pushing,
  );
}

function withSignal(pushing: LimitedPushing, signal: AbortSignal): LimitedPushing {
  return { ...pushing, options: { ...pushing.options, signal } };
}

/** What the tag or digest means there, where it is this very image as it would be pushed. */
async function alreadyThere(
  target: RemoteTarget,
  image: OutgoingImage,
  { ports, options }: LimitedPushing,
): Promise<Descriptor | undefined> {
  const layers = image.manifest.layers.map(
    (stored, index) => ports.sources.ready(stored, image.chain[index] as DiffId)?.descriptor,
  );
  if (!layers.every((layer) => layer !== undefined)) return undefined;
  const { descriptor } = await manifestBytes(image, layers);
  const there = await target.findManifest(options.tag ?? descriptor.digest, options);
  return there?.digest === descriptor.digest ? descriptor : undefined;
}

interface Layer {
  readonly stored: Descriptor;
  readonly diffId: DiffId;
}

/** Sees that the layer is there, in whatever way is the shortest, and gives its descriptor. */
async function pushLayer(target: RemoteTarget, layer: Layer, pushing: LimitedPushing): Promise<Descriptor> {
  const { stored, diffId } = layer;
  const { options, limit, ports } = pushing;
  const { onEvent, signal } = options;
  onEvent({ kind: 'layer', diffId, state: 'waiting' });
  if (isCompressedElsewhere(layer, pushing) && (await target.hasBlob(stored, { signal }))) {
    onEvent({ kind: 'layer', diffId, state: 'exists' });
    return stored;
  }
  const source = await ports.sources.source(stored, diffId);
  await limit(() => pushLayerBlob(target, { source, diffId }, options), signal);
  return source.descriptor;
}

/** A pulled layer that was here before as a tar: the blob that its manifest names was never fetched. */
function isCompressedElsewhere({ stored, diffId }: Layer, { ports }: LimitedPushing): boolean {
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
  await target.putBlob(
    { descriptor, open: (offsetBytes) => blob.read(offsetBytes) },
    { signal, onProgress: (doneBytes) => onEvent({ kind: 'bytes', diffId, doneBytes, totalBytes }) },
  );
  onEvent({ kind: 'layer', diffId, state: 'done' });
}

async function pushBlob(
  target: RemoteTarget,
  descriptor: Descriptor,
  { blob, pushing }: { readonly blob: LayoutBlob; readonly pushing: LimitedPushing },
): Promise<void> {
  const { signal } = pushing.options;
  if (await target.hasBlob(descriptor, { signal })) return;
  await target.putBlob({ descriptor, open: (offsetBytes) => blob.read(offsetBytes) }, { signal });
}

interface WrittenManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** The manifest as it is stored, where its layers leave as it says; else one over what they became. */
async function manifestBytes(image: OutgoingImage, layers: readonly Descriptor[]): Promise<WrittenManifest> {
  const { manifest, manifestBlob } = image;
  const isSame = layers.every(({ digest }, index) => digest === manifest.layers[index]?.digest);
  const bytes =
    isSame && manifestBlob !== undefined
      ? await readAll(manifestBlob.read(0), maxManifestBytes)
      : encodeManifest({ ...manifest, layers });
  return written(manifest.mediaType, bytes);
}
