import { createReadStream } from 'node:fs';
import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import {
  digestOf,
  encodeManifest,
  mediaTypes,
  parseImageManifest,
  toDigest,
  type Descriptor,
  type DiffId,
} from '../oci/index.ts';
import type { BlobContent, RemoteTarget } from '../registry/index.ts';
import { createLimit } from '../std/index.ts';
import { cacheArtifact, cacheLayers } from './cache-artifact.ts';
import type { CompressionMemory } from './compressed-layer.ts';
import type { ImageStore } from './image-store.ts';
import { LayerSources, type LayerPacking } from './layer-sources.ts';

export interface WriteCacheOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  readonly holder: LayerHolder;
  readonly packing: LayerPacking;
  /** Remembers what was compressed. */
  readonly memory: CompressionMemory;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

export interface CacheContent {
  readonly records: Uint8Array;
  /** All of them are in the store. */
  readonly layers: readonly DiffId[];
}

/** Puts a cache under a tag of a place. What is there already, under whatever tag, is not sent. */
export async function pushCache(
  target: RemoteTarget,
  content: CacheContent,
  { tag, ...options }: WriteCacheOptions & { readonly tag: string },
): Promise<void> {
  const { signal } = options;
  const packed = await packLayers(content.layers, {
    ...options,
    there: options.packing.isForced ? new Map() : await layersThere(target, tag, signal),
    isThere: (descriptor) => target.hasBlob(descriptor, { signal }),
  });
  const { manifest, documents } = artifactOf(content, packed);
  const sending = transfers(options.onProgress);
  const limit = createLimit(blobsAtOnce);
  const send = async (blob: BlobContent): Promise<void> => {
    if (await target.hasBlob(blob.descriptor, { signal })) return;
    await target.putBlob(blob, { signal, onProgress: sending(blob.descriptor) });
  };
  const blobs = [...packed.flatMap((layer) => layer.content ?? []), ...documents];
  await Promise.all(blobs.map((blob) => limit(() => send(blob), signal)));
  await target.putManifest(manifest, { mediaType: mediaTypes.ociManifest, tag, signal });
}

interface PackedLayer {
  /** With the diff ID. */
  readonly descriptor: Descriptor;
  /** Undefined where it is known to be there. */
  readonly content: BlobContent | undefined;
}

interface Packing extends WriteCacheOptions {
  /** The form that a layer has there, if the place says so. */
  readonly there: ReadonlyMap<DiffId, Descriptor>;
  readonly isThere: (descriptor: Descriptor) => Promise<boolean>;
}

/** One after the other: each takes all cores, or none. */
async function packLayers(diffIds: readonly DiffId[], options: Packing): Promise<readonly PackedLayer[]> {
  const { blobs, layers, images, there, isThere } = options;
  const sources = new LayerSources({ ...options, images: images.list() });
  const packed: PackedLayer[] = [];
  for (const diffId of diffIds) {
    const known = there.get(diffId);
    if (known !== undefined && (await isThere(known))) {
      packed.push({ descriptor: known, content: undefined });
      continue;
    }
    const { path, sizeBytes } = layers.tar(diffId);
    const tar = { mediaType: mediaTypes.ociLayer, digest: toDigest(diffId), size: sizeBytes };
    const source = await sources.source(tar, diffId);
    const descriptor = { ...source.descriptor, annotations: { [cacheArtifact.diffId]: diffId } };
    const open: BlobContent['open'] =
      descriptor.digest === tar.digest
        ? (start) => createReadStream(path, { start, highWaterMark: chunkBytes })
        : (offsetBytes) => copied(blobs.chunks(descriptor.digest, { offsetBytes }));
    packed.push({ descriptor, content: { descriptor, open } });
  }
  return packed;
}

/** What the cache that is there has. */
async function layersThere(
  target: RemoteTarget,
  tag: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<DiffId, Descriptor>> {
  try {
    return cacheLayers(parseImageManifest((await target.manifest(tag, { signal })).bytes));
  } catch (error) {
    if (Fault.is(error) && ['not-found', 'invalid', 'unsupported', 'corrupt'].includes(error.code)) return new Map();
    throw error;
  }
}

function artifactOf(
  { records }: CacheContent,
  packed: readonly PackedLayer[],
): { readonly manifest: Uint8Array; readonly documents: readonly BlobContent[] } {
  const empty = Buffer.from('{}');
  const config = descriptorOf(mediaTypes.ociEmpty, empty);
  const list = descriptorOf(cacheArtifact.records, records);
  const manifest = encodeManifest({
    kind: 'image',
    mediaType: mediaTypes.ociManifest,
    artifactType: cacheArtifact.type,
    config,
    layers: [list, ...packed.map(({ descriptor }) => descriptor)],
  });
  return { manifest, documents: [inMemory(config, empty), inMemory(list, records)] };
}

function descriptorOf(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

function inMemory(descriptor: Descriptor, bytes: Uint8Array): BlobContent {
  return { descriptor, open: (offsetBytes) => [bytes.subarray(offsetBytes)] };
}

/** The store's chunks are valid until the next is asked for. */
function* copied(chunks: Iterable<Uint8Array>): Generator<Uint8Array, void> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** Sums up what is on its way. */
function transfers(
  onProgress: WriteCacheOptions['onProgress'],
): (descriptor: Descriptor) => (doneBytes: number) => void {
  const done = new Map<Descriptor, number>();
  return (descriptor) => (doneBytes) => {
    done.set(descriptor, doneBytes);
    onProgress({
      doneBytes: [...done.values()].reduce((sum, each) => sum + each, 0),
      totalBytes: [...done.keys()].reduce((sum, { size }) => sum + size, 0),
    });
  };
}

const blobsAtOnce = 3;
const chunkBytes = 1 << 20;
