import { createReadStream } from 'node:fs';
import type { BlobStore } from '../blob/index.ts';
import type { LayerStore } from '../layer/index.ts';
import {
  digestOf,
  encodeManifest,
  familyOf,
  mediaTypes,
  parseReference,
  toDigest,
  type Descriptor,
  type Digest,
  type DiffId,
  type ImageManifest,
} from '../oci/index.ts';
import { writeOciArchive, type LayoutBlob, type LayoutImage, type WriteChunk } from '../registry/index.ts';
import type { StoredImage } from './image-store.ts';

export interface SaveImagesOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly write: WriteChunk;
  readonly signal: AbortSignal;
}

/**
 * Writes images as one OCI archive (image-spec image-layout.md): each with all its names, what they share once.
 *
 * Manifest, config and layers are passed on byte for byte as they came. Where a layer was here before the image was
 * pulled, its compressed form was never fetched: then it is written as the tar that it is, under a manifest that says
 * so. The image ID is the same either way.
 */
export async function saveImages(images: readonly StoredImage[], options: SaveImagesOptions): Promise<void> {
  const saved = images.map((image) => saveImage(image, options));
  const content = {
    images: saved.map(({ entry }) => entry),
    blobs: saved.flatMap(({ blobs }) => blobs),
  };
  await writeOciArchive(content, options.write, { signal: options.signal });
}

interface SavedImage {
  readonly entry: LayoutImage;
  readonly blobs: readonly LayoutBlob[];
}

function saveImage(image: StoredImage, { blobs, layers }: SaveImagesOptions): SavedImage {
  const names = image.names.map(parseReference);
  const sources = image.manifest.layers.map((descriptor, index) =>
    layerBlob(descriptor, image.chain[index] as DiffId, { blobs, layers, manifest: image.manifest }),
  );
  const { descriptor, manifestBlob } = manifestFor(image, sources, blobs);
  const config = storedBlob(blobs, image.manifest.config.digest);
  return { entry: { descriptor, names }, blobs: [manifestBlob, config, ...sources.map(({ blob }) => blob)] };
}

interface LayerSource {
  readonly descriptor: Descriptor;
  readonly blob: LayoutBlob;
}

function layerBlob(
  descriptor: Descriptor,
  diffId: DiffId,
  { blobs, layers, manifest }: Pick<SaveImagesOptions, 'blobs' | 'layers'> & { readonly manifest: ImageManifest },
): LayerSource {
  const digest = toDigest(diffId);
  const isTar = descriptor.digest === digest;
  if (!isTar && blobs.stat(descriptor.digest) !== undefined) {
    return { descriptor, blob: storedBlob(blobs, descriptor.digest) };
  }
  const { path, sizeBytes } = layers.tar(diffId);
  const read = (): AsyncIterable<Uint8Array> => createReadStream(path, { highWaterMark: 1 << 20 });
  const mediaType = familyOf(manifest.mediaType) === 'docker' ? mediaTypes.dockerLayer : mediaTypes.ociLayer;
  return {
    descriptor: isTar ? descriptor : { mediaType, digest, size: sizeBytes },
    blob: { digest, sizeBytes, read },
  };
}

/** The manifest as it came, or one over the layers as they are written. */
function manifestFor(
  { manifest, manifestDigest }: StoredImage,
  sources: readonly LayerSource[],
  blobs: BlobStore,
): { readonly descriptor: Descriptor; readonly manifestBlob: LayoutBlob } {
  const { mediaType } = manifest;
  if (sources.every(({ descriptor }, index) => descriptor === manifest.layers[index])) {
    const manifestBlob = storedBlob(blobs, manifestDigest);
    return { descriptor: { mediaType, digest: manifestDigest, size: manifestBlob.sizeBytes }, manifestBlob };
  }
  const bytes = encodeManifest({ ...manifest, layers: sources.map(({ descriptor }) => descriptor) });
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const manifestBlob = { digest: descriptor.digest, sizeBytes: bytes.length, read: () => onceOf(bytes) };
  return { descriptor, manifestBlob };
}

/** A blob that is missing is a `not-found` Fault when its turn comes. */
function storedBlob(blobs: BlobStore, digest: Digest): LayoutBlob {
  const sizeBytes = blobs.stat(digest)?.sizeBytes ?? 0;
  return {
    digest,
    sizeBytes,
    read: async function* read() {
      yield* blobs.chunks(digest);
    },
  };
}

async function* onceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
