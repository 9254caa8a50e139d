import { createReadStream } from 'node:fs';
import type { BlobStore } from '../blob/index.ts';
import type { LayerStore } from '../layer/index.ts';
import { parseReference, toDigest, type Descriptor } from '../oci/index.ts';
import { writeOciArchive, type LayoutBlob, type WriteChunk } from '../registry/index.ts';
import type { StoredImage } from './image-store.ts';

export interface SaveImagesOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly write: WriteChunk;
  readonly signal: AbortSignal;
}

/** Writes images as one OCI archive (image-spec image-layout.md): each with all its names, what they share once. */
export async function saveImages(images: readonly StoredImage[], options: SaveImagesOptions): Promise<void> {
  const content = {
    images: images.map(({ manifestDigest, manifest, names }) => ({
      descriptor: describe(options.blobs, manifestDigest, manifest.mediaType),
      names: names.map(parseReference),
    })),
    blobs: images.flatMap((image) => [...blobsOf(image, options)]),
  };
  await writeOciArchive(content, options.write, { signal: options.signal });
}

function describe(blobs: BlobStore, digest: StoredImage['manifestDigest'], mediaType: string): Descriptor {
  return { mediaType, digest, size: blobs.stat(digest)?.sizeBytes ?? 0 };
}

function* blobsOf(image: StoredImage, options: SaveImagesOptions): Iterable<LayoutBlob> {
  const { manifestDigest, manifest, chain } = image;
  yield storedBlob(options.blobs, describe(options.blobs, manifestDigest, manifest.mediaType));
  yield storedBlob(options.blobs, manifest.config);
  for (const [index, descriptor] of manifest.layers.entries()) {
    const diffId = chain[index];
    const isTar = diffId !== undefined && descriptor.digest === toDigest(diffId);
    yield isTar ? tarBlob(options.layers.tar(diffId).path, descriptor) : storedBlob(options.blobs, descriptor);
  }
}

function storedBlob(blobs: BlobStore, { digest, size }: Descriptor): LayoutBlob {
  return {
    digest,
    sizeBytes: size,
    read: async function* read() {
      yield* blobs.chunks(digest);
    },
  };
}

function tarBlob(path: string, { digest, size }: Descriptor): LayoutBlob {
  return { digest, sizeBytes: size, read: () => createReadStream(path, { highWaterMark: 1 << 20 }) };
}
