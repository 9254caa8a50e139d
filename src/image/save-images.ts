import type { BlobStore } from '../blob/index.ts';
import type { WriteChunk } from '../host/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { encodeManifest, toDigest, type Descriptor, type DiffId } from '../oci/index.ts';
import {
  writeDockerArchive,
  writeOciArchive,
  writeOciDirectory,
  type DockerArchiveImage,
  type LayoutBlob,
  type LayoutParts,
} from '../registry/index.ts';
import { Fault } from '../errors/index.ts';
import type { ImageStore } from './image-store.ts';
import { LayerSources, type LayerPacking, type LayerSource } from './layer-sources.ts';
import { encodeOmittedLayers, omittedLayersFile, type OmittedLayer } from './omitted-layers.ts';
import { memoryBlob, type Outgoing, type OutgoingImage, type OutgoingIndex } from './outgoing-image.ts';

export interface SaveImagesOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  /** Keeps what is compressed on the way. */
  readonly holder: LayerHolder;
  /** Undefined: manifests, configs and layers leave byte for byte as they came, where they are here. */
  readonly packing?: LayerPacking | undefined;
  readonly to: SaveTarget;
  /** Layers that are left out of an archive, since whoever loads it has them; it says which they are. */
  readonly omitted?: readonly OmittedLayer[];
  readonly signal: AbortSignal;
}

/** A tar in one of two formats, or the folder of an OCI layout. `docker` holds images only, no index. */
export type SaveTarget =
  | { readonly format: 'oci' | 'docker'; readonly write: WriteChunk }
  | { readonly format: 'oci'; readonly directory: string };

/**
 * Writes images and indexes to one place, each with all its names, what they share once; gives their descriptors as they
 * stand there.
 *
 * In an OCI layout (image-spec image-layout.md) manifest, config and layers are passed on byte for byte as they came.
 * Where a layer was here before the image was pulled, its compressed form was never fetched: then it is written as the
 * tar that it is, under a manifest that says so; likewise where `packing` asks for another form. The image ID is the
 * same either way. Docker's archives hold tars only. Equal content gives equal bytes. Layers that are left out stand in the
 * manifest as they are stored.
 *
 * Fault `unsupported` for an index in an archive of Docker's format.
 */
export async function saveImages(
  outgoing: readonly Outgoing[],
  options: SaveImagesOptions,
): Promise<readonly Descriptor[]> {
  const { to, signal } = options;
  if (to.format === 'docker') return saveDocker(outgoing, to.write, options);
  const sources = layerSources(options, options.packing);
  const omitted = options.omitted ?? [];
  const saved: Saved[] = [];
  for (const { content } of outgoing) saved.push(await saveContent(content, sources, idsOf(omitted)));
  const images = outgoing.map(({ names, annotations }, index) => {
    const { descriptor, parts } = saved[index] as Saved;
    return { descriptor: annotations === undefined ? descriptor : { ...descriptor, annotations }, names, parts };
  });
  const layout = { images, blobs: saved.flatMap(({ blobs }) => blobs), files: filesOf(omitted) };
  if ('directory' in to) await writeOciDirectory(layout, to.directory, { signal });
  else await writeOciArchive(layout, to.write, { signal });
  return images.map(({ descriptor }) => descriptor);
}

function idsOf(omitted: readonly OmittedLayer[]): ReadonlySet<DiffId> {
  return new Set(omitted.map(({ diffId }) => diffId));
}

function filesOf(omitted: readonly OmittedLayer[]): ReadonlyMap<string, Uint8Array> {
  return new Map(omitted.length === 0 ? [] : [[omittedLayersFile, encodeOmittedLayers(omitted)]]);
}

function layerSources(options: SaveImagesOptions, packing: LayerPacking | undefined): LayerSources {
  const { blobs, layers, holder, signal, images } = options;
  return new LayerSources({
    blobs,
    layers,
    holder,
    signal,
    packing,
    images: packing === undefined ? [] : images.list(),
  });
}

async function saveDocker(
  outgoing: readonly Outgoing[],
  write: WriteChunk,
  options: SaveImagesOptions,
): Promise<readonly Descriptor[]> {
  const sources = layerSources(options, { kind: 'uncompressed', level: undefined, isForced: true });
  const archived: DockerArchiveImage[] = [];
  const descriptors: Descriptor[] = [];
  for (const { content, names } of outgoing) {
    if (content.kind === 'index') throw noIndexInDockerArchive();
    const { descriptor, config, layers } = await saveImage(content, sources);
    archived.push({ config, layers, names });
    descriptors.push(descriptor);
  }
  const { signal, omitted = [] } = options;
  const left = new Set(omitted.map(({ diffId }) => toDigest(diffId)));
  await writeDockerArchive(archived, write, { signal, files: filesOf(omitted), omitted: left });
  return descriptors;
}

function noIndexInDockerArchive(): Fault {
  return new Fault('unsupported', "write image archive: Docker's format holds no image of several platforms", {
    hint: 'write it as an OCI archive, or one platform of it',
  });
}

interface SavedImage extends Saved {
  readonly config: LayoutBlob;
  readonly layers: readonly LayoutBlob[];
}

interface Saved {
  readonly descriptor: Descriptor;
  /** All that it needs and that is not left out, its own document first. */
  readonly blobs: readonly LayoutBlob[];
  readonly parts?: LayoutParts;
}

/** What an image or an index is made of, in the form in which it leaves. */
export function saveContent(
  content: OutgoingImage | OutgoingIndex,
  sources: LayerSources,
  omitted: ReadonlySet<DiffId> = new Set(),
): Promise<Saved> {
  return content.kind === 'image' ? saveImage(content, sources, omitted) : saveIndex(content, sources, omitted);
}

/** The manifest as it came, or one over the layers as they are written. */
async function saveImage(
  { manifest, manifestBlob, config, chain }: OutgoingImage,
  from: LayerSources,
  omitted: ReadonlySet<DiffId> = new Set(),
): Promise<SavedImage> {
  const layers: (Pick<LayerSource, 'descriptor'> & Partial<LayerSource>)[] = [];
  for (const [index, stored] of manifest.layers.entries()) {
    const diffId = chain[index] as DiffId;
    layers.push(omitted.has(diffId) ? { descriptor: stored } : await from.source(stored, diffId));
  }
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const isSame = descriptors.every((descriptor, index) => descriptor === manifest.layers[index]);
  const bytes = (): Uint8Array => encodeManifest({ ...manifest, layers: descriptors });
  const blob = isSame && manifestBlob !== undefined ? manifestBlob : memoryBlob(bytes());
  const layerBlobs = layers.flatMap((layer) => layer.blob ?? []);
  return {
    descriptor: { mediaType: manifest.mediaType, digest: blob.digest, size: blob.sizeBytes },
    config,
    layers: layerBlobs,
    parts: { config: config.digest, layers: descriptors.map(({ digest }) => digest) },
    blobs: [blob, config, ...layerBlobs],
  };
}

async function saveIndex(
  { index, indexBlob, members, attached }: OutgoingIndex,
  from: LayerSources,
  omitted: ReadonlySet<DiffId>,
): Promise<Saved> {
  const saved: Saved[] = [];
  for (const { image } of members) saved.push(await saveImage(image, from, omitted));
  const manifests = members.map((member, at) => ({ ...member.descriptor, ...(saved[at] as Saved).descriptor }));
  const isSame = manifests.every(({ digest }, at) => digest === members[at]?.storedDigest);
  const stored = isSame ? indexBlob : undefined;
  const blob = stored ?? memoryBlob(encodeManifest({ ...index, manifests }));
  return {
    descriptor: { mediaType: index.mediaType, digest: blob.digest, size: blob.sizeBytes },
    blobs: [blob, ...saved.flatMap(({ blobs }) => blobs), ...(stored === undefined ? [] : attached)],
  };
}
