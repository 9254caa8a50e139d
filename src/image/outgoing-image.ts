import type { BlobStore } from '../blob/index.ts';
import type { LayerStore } from '../layer/index.ts';
import {
  digestOf,
  encodeImageConfig,
  mediaTypes,
  parseReference,
  toDigest,
  type Descriptor,
  type Digest,
  type DiffId,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type Platform,
  type Reference,
} from '../oci/index.ts';
import type { LayoutBlob } from '../registry/index.ts';
import { annotated, type Annotations } from './annotations.ts';
import { DocumentReader } from './image-documents.ts';
import type { StoredImage, StoredIndex } from './image-store.ts';

/** What leaves the store: an image or an index, with the names that it leaves under. */
export interface Outgoing {
  readonly content: OutgoingImage | OutgoingIndex;
  readonly names: readonly Reference[];
  /** For the place that lists it (image-spec annotations.md). */
  readonly annotations?: Annotations | undefined;
}

export interface OutgoingImage {
  readonly kind: 'image';
  /** As it came, or over the layers' tars. */
  readonly manifest: ImageManifest;
  /** The bytes of the manifest, where it came from elsewhere. */
  readonly manifestBlob: LayoutBlob | undefined;
  readonly config: LayoutBlob;
  /** The layers, lowest first: as many as the manifest has. */
  readonly chain: readonly DiffId[];
}

export interface OutgoingIndex {
  readonly kind: 'index';
  readonly index: Omit<ImageIndex, 'manifests'>;
  /** The bytes of the index, where it is one of the store. */
  readonly indexBlob: LayoutBlob | undefined;
  readonly members: readonly OutgoingMember[];
  /** What the stored index names beside its images; leaves with the index as it is stored, never with another one. */
  readonly attached: readonly LayoutBlob[];
}

export interface OutgoingMember {
  /** Its digest and size are those of the manifest that is written in the end. */
  readonly descriptor: Omit<Descriptor, 'digest' | 'size' | 'mediaType'>;
  /** The manifest that the index of the store names. */
  readonly storedDigest: Digest | undefined;
  readonly image: OutgoingImage;
}

/** An image or index of the store, under all of its names. */
export function storedOutgoing(stored: StoredImage | StoredIndex, blobs: BlobStore): Outgoing {
  const names = stored.names.map(parseReference);
  if (!('members' in stored)) return { content: storedImage(stored, blobs), names };
  const { manifests: _, ...index } = stored.index;
  const members = stored.members.map(({ descriptor, image }) => {
    const { digest: storedDigest, size: _size, mediaType: _type, ...rest } = descriptor;
    return { descriptor: rest, storedDigest, image: storedImage(image, blobs) };
  });
  const attached = stored.attached.map((digest) => storedBlob(blobs, digest));
  return { content: { kind: 'index', index, indexBlob: storedBlob(blobs, stored.digest), members, attached }, names };
}

/** An image whose documents and layers are in the store, whatever it is called there, if anything. */
export function storedManifest(digest: Digest, blobs: BlobStore): OutgoingImage {
  const { manifest, chain } = new DocumentReader(blobs).image(digest);
  const [manifestBlob, config] = [storedBlob(blobs, digest), storedBlob(blobs, manifest.config.digest)];
  return { kind: 'image', manifest, manifestBlob, config, chain };
}

export interface FreshImageOptions {
  readonly layers: LayerStore;
  readonly annotations?: Annotations | undefined;
}

/** An image that the store need not have: only its layers are there. Fault `not-found` if one is missing. */
export function freshImage(config: ImageConfig, { layers, annotations }: FreshImageOptions): OutgoingImage {
  const bytes = encodeImageConfig(config);
  const blob = memoryBlob(bytes);
  const chain = config.rootfs.diff_ids;
  const manifest: ImageManifest = {
    kind: 'image',
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: blob.digest, size: blob.sizeBytes },
    layers: chain.map((diffId) => ({
      mediaType: mediaTypes.ociLayer,
      digest: toDigest(diffId),
      size: layers.tar(diffId).sizeBytes,
    })),
    ...annotated(annotations),
  };
  return { kind: 'image', manifest, manifestBlob: undefined, config: blob, chain };
}

export interface FreshMember {
  readonly platform: Platform;
  readonly image: OutgoingImage;
  readonly annotations?: Annotations | undefined;
}

/** An OCI index over images that leave with it. */
export function freshIndex(members: readonly FreshMember[], annotations?: Annotations): OutgoingIndex {
  return {
    kind: 'index',
    index: { kind: 'index', mediaType: mediaTypes.ociIndex, ...annotated(annotations) },
    indexBlob: undefined,
    attached: [],
    members: members.map((member) => ({
      descriptor: { platform: member.platform, ...annotated(member.annotations) },
      storedDigest: undefined,
      image: member.image,
    })),
  };
}

export function memoryBlob(bytes: Uint8Array): LayoutBlob {
  return {
    digest: digestOf(bytes),
    sizeBytes: bytes.length,
    read: (offsetBytes = 0) => onceOf(bytes.subarray(offsetBytes)),
  };
}

/** A blob that is missing is a `not-found` Fault when its turn comes. */
export function storedBlob(blobs: BlobStore, digest: Digest): LayoutBlob {
  const sizeBytes = blobs.stat(digest)?.sizeBytes ?? 0;
  return {
    digest,
    sizeBytes,
    read: async function* read(offsetBytes = 0) {
      // The store's pieces are valid only until the next one; those who read this may hold several.
      for (const chunk of blobs.chunks(digest, { offsetBytes })) yield Buffer.from(chunk);
    },
  };
}

function storedImage({ manifest, manifestDigest, imageId, chain }: StoredImage, blobs: BlobStore): OutgoingImage {
  const [manifestBlob, config] = [storedBlob(blobs, manifestDigest), storedBlob(blobs, imageId)];
  return { kind: 'image', manifest, manifestBlob, config, chain };
}

async function* onceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
