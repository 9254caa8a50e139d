import { closeSync, openSync, readSync } from 'node:fs';
import type { BlobStore, BlobWriter } from '../blob/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { mediaTypes, parseDigest, type Descriptor, type DiffId } from '../oci/index.ts';
import type { CompressedLayerRecords, Locks } from '../state/index.ts';
import { compress, throwIfAborted, type CompressOptions } from '../std/index.ts';
import { GrowingBlob } from './growing-blob.ts';

/** What was compressed before, and who is at it now. */
export interface CompressionMemory {
  readonly records: CompressedLayerRecords;
  readonly locks: Locks;
}

export interface CompressLayerOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly holder: LayerHolder;
  readonly signal: AbortSignal;
  readonly memory?: CompressionMemory | undefined;
  /** Told where it is made here and now, as soon as it begins to grow. */
  readonly onGrowing?: ((growing: GrowingBlob) => void) | undefined;
}

/**
 * The layer's tar, compressed, as a blob of the store, under OCI's media type. With a memory it is made once, by one of all
 * processes that want it, and found again later. The same layer and form give the same blob with the same release.
 */
export function compressedLayer(
  diffId: DiffId,
  form: CompressOptions,
  options: CompressLayerOptions,
): Promise<Descriptor> {
  const { memory, signal } = options;
  if (memory === undefined) return compressLayer(diffId, form, options);
  const flight = {
    find: () => rememberedForm(diffId, form, { ...options, memory }),
    make: async () => {
      const made = await compressLayer(diffId, form, options);
      const { digest, size: sizeBytes } = made;
      memory.records.put({ diffId, form: formName(form), digest, sizeBytes, madeBy: libraryOf(form) });
      return made;
    },
  };
  return memory.locks.singleFlight(`compress ${formName(form)} ${diffId}`, flight, { signal });
}

/** What the layer was compressed to before, if that is still here; it is held from now on. */
export function rememberedForm(
  diffId: DiffId,
  form: CompressOptions | { readonly kind: 'uncompressed' },
  { memory, blobs, holder }: CompressLayerOptions & { readonly memory: CompressionMemory },
): Descriptor | undefined {
  if (form.kind === 'uncompressed') return undefined;
  const known = memory.records.get(diffId, formName(form));
  if (known === undefined) return undefined;
  const digest = parseDigest(known.digest);
  if (!blobs.hold(digest, holder)) return undefined;
  return { mediaType: layerTypes.oci[form.kind], digest, size: known.sizeBytes };
}

/** From `offsetBytes` on, in pieces, each valid until the next is asked for: the memory of one serves for all. */
export async function* bytesOfFile(path: string, offsetBytes = 0): AsyncGenerator<Uint8Array, void, undefined> {
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafeSlow(1 << 20);
    let position = offsetBytes;
    for (let length = -1; length !== 0; position += length) {
      length = readSync(file, piece, 0, piece.length, position);
      if (length > 0) yield piece.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

/** What layers are called, by family and form. */
export const layerTypes = {
  oci: { uncompressed: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd },
  docker: { uncompressed: mediaTypes.dockerLayer, gzip: mediaTypes.dockerLayerGzip, zstd: mediaTypes.dockerLayerZstd },
} as const;

async function compressLayer(
  diffId: DiffId,
  form: CompressOptions,
  options: CompressLayerOptions,
): Promise<Descriptor> {
  const { blobs, layers, holder, onGrowing } = options;
  const { sizeBytes } = layers.tar(diffId);
  using writer = blobs.writer({ holder });
  const growing = new GrowingBlob({ blobs, writer, mostBytes: sizeBytes });
  if (sizeBytes >= growingFromBytes) onGrowing?.(growing);
  try {
    await writeCompressed(diffId, form, { ...options, writer, growing });
    const made = { mediaType: layerTypes.oci[form.kind], digest: writer.digest(), size: writer.offsetBytes };
    growing.complete(made);
    await writer.commit();
    growing.store(made);
    return made;
  } catch (error) {
    growing.fail(error);
    throw error;
  }
}

/** Smaller layers are compressed before anybody has read much of them. */
const growingFromBytes = 8 << 20;

interface CompressedOutput extends CompressLayerOptions {
  readonly writer: BlobWriter;
  readonly growing: GrowingBlob;
}

async function writeCompressed(
  diffId: DiffId,
  form: CompressOptions,
  { layers, signal, writer, growing }: CompressedOutput,
): Promise<void> {
  const { path, sizeBytes } = layers.tar(diffId);
  let readBytes = 0;
  const source = async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of bytesOfFile(path)) {
      readBytes += chunk.length;
      yield chunk;
    }
  };
  for await (const chunk of compress(source(), form)) {
    throwIfAborted(signal, `compress layer ${diffId}`);
    writer.write(chunk);
    growing.grow(readBytes / sizeBytes);
  }
}

function formName({ kind, level }: CompressOptions): string {
  return level === undefined ? kind : `${kind}:${level}`;
}

function libraryOf({ kind }: CompressOptions): string {
  return kind === 'gzip' ? `zlib ${process.versions.zlib}` : `zstd ${process.versions.zstd ?? ''}`.trim();
}
