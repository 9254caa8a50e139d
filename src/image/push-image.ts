import {
  digestOf,
  encodeManifest,
  maxManifestBytes,
  parseManifest,
  type Descriptor,
  type DiffId,
} from '../oci/index.ts';
import type { RemoteTarget } from '../registry/index.ts';
import { createLimit, readAll, together } from '../std/index.ts';
import type { OutgoingImage, OutgoingIndex } from './outgoing-image.ts';
import { pushBlob, pushLayer, type PushImageOptions, type Pushing, type PushingInTurn } from './push-layer.ts';

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
  const pushing = { ports, options, upload: createLimit(uploadsAtOnce), pack: createLimit(packedAtOnce) };
  if (content.kind === 'image') return pushOne(target, content, pushing);
  const untagged = { ...pushing, options: { ...options, tag: undefined } };
  const members: Descriptor[] = [];
  for (const { image } of content.members) members.push(await pushOne(target, image, untagged));
  return pushIndex(target, { content, members }, pushing);
}

/** As many as Docker uploads at once. */
const uploadsAtOnce = 5;
/** Each takes all cores: a second one fills the gaps. */
const packedAtOnce = 2;

async function pushOne(target: RemoteTarget, image: OutgoingImage, pushing: PushingInTurn): Promise<Descriptor> {
  const { options } = pushing;
  const chain = [...new Set(image.chain)];
  for (const diffId of chain) options.onEvent({ kind: 'layer', diffId, state: 'preparing' });
  const known = await alreadyThere(target, image, pushing);
  if (known !== undefined) {
    for (const diffId of chain) options.onEvent({ kind: 'layer', diffId, state: 'exists' });
    return known;
  }
  const sent = await together(
    chain.map((diffId) => (signal: AbortSignal) => {
      const stored = image.manifest.layers[image.chain.indexOf(diffId)] as Descriptor;
      return pushLayer(target, { stored, diffId }, { ...pushing, options: { ...options, signal } });
    }),
    options.signal,
  );
  const layers = image.chain.map((diffId) => sent[chain.indexOf(diffId)] as Descriptor);
  await pushBlob(target, image.manifest.config, { blob: image.config, signal: options.signal });
  return putManifest(target, await manifestOver(image, layers), options);
}

/** What the tag or digest means there, where it is this very image as it would be pushed. */
async function alreadyThere(
  target: RemoteTarget,
  image: OutgoingImage,
  { ports, options }: PushingInTurn,
): Promise<Descriptor | undefined> {
  const layers = image.manifest.layers.map(
    (stored, index) => ports.sources.ready(stored, image.chain[index] as DiffId)?.descriptor,
  );
  if (!layers.every((layer) => layer !== undefined)) return undefined;
  const { descriptor } = await manifestOver(image, layers);
  const there = await target.findManifest(options.tag ?? descriptor.digest, options);
  return there?.digest === descriptor.digest ? descriptor : undefined;
}

interface WrittenManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** The manifest as it is stored, where its layers leave as it says; else one over what they became. */
async function manifestOver(image: OutgoingImage, layers: readonly Descriptor[]): Promise<WrittenManifest> {
  const { manifest, manifestBlob } = image;
  const isSame = layers.every(({ digest }, index) => digest === manifest.layers[index]?.digest);
  const bytes =
    isSame && manifestBlob !== undefined
      ? await readAll(manifestBlob.read(), maxManifestBytes)
      : encodeManifest({ ...manifest, layers });
  return written(manifest.mediaType, bytes);
}

function written(mediaType: string, bytes: Uint8Array): WrittenManifest {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

async function putManifest(
  target: RemoteTarget,
  { descriptor, bytes }: WrittenManifest,
  { tag, signal }: Pick<PushImageOptions, 'tag' | 'signal'>,
): Promise<Descriptor> {
  const there = await target.findManifest(tag ?? descriptor.digest, { signal });
  if (there?.digest !== descriptor.digest) {
    await target.putManifest(bytes, { mediaType: descriptor.mediaType, tag, signal });
  }
  return descriptor;
}

/** The index as it is stored, with all that it names beside images, where the members left as it says. */
async function pushIndex(
  target: RemoteTarget,
  { content, members }: { readonly content: OutgoingIndex; readonly members: readonly Descriptor[] },
  { options }: PushingInTurn,
): Promise<Descriptor> {
  const { index, indexBlob } = content;
  const isSame = members.every(({ digest }, at) => digest === content.members[at]?.storedDigest);
  if (isSame && indexBlob !== undefined) {
    const bytes = await readAll(indexBlob.read(), maxManifestBytes);
    await pushAttached(target, { content, bytes }, options);
    return putManifest(target, written(index.mediaType, bytes), options);
  }
  const manifests = members.map((member, at) => ({ ...content.members[at]?.descriptor, ...member }));
  return putManifest(target, written(index.mediaType, encodeManifest({ ...index, manifests })), options);
}

/** Attestations and what else an index names: documents, and what these are made of. */
async function pushAttached(
  target: RemoteTarget,
  { content, bytes }: { readonly content: OutgoingIndex; readonly bytes: Uint8Array },
  { signal }: PushImageOptions,
): Promise<void> {
  const index = parseManifest(bytes);
  const named = index.kind === 'index' ? index.manifests : [];
  const documents = content.attached.map((blob) => [blob, named.find(({ digest }) => digest === blob.digest)] as const);
  for (const [blob, document] of documents) {
    if (document !== undefined) continue;
    const mediaType = 'application/octet-stream';
    await pushBlob(target, { mediaType, digest: blob.digest, size: blob.sizeBytes }, { blob, signal });
  }
  for (const [blob, document] of documents) {
    if (document === undefined) continue;
    const manifest = await readAll(blob.read(), maxManifestBytes);
    await putManifest(target, written(document.mediaType, manifest), { tag: undefined, signal });
  }
}
