import type { BlobStore, BlobWriter } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import { passBytes } from '../host/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { toDigest, type Descriptor, type DiffId, type ImageLayer } from '../oci/index.ts';
import { readElsewhere, type Remote } from '../registry/index.ts';
import { createLimit, decompress, peekCompression } from '../std/index.ts';

export interface FetchLayerOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly holder: LayerHolder;
  readonly signal: AbortSignal;
  readonly onEvent: (event: {
    readonly kind: 'bytes';
    readonly digest: string;
    readonly doneBytes: number;
    readonly totalBytes: number;
  }) => void;
}

/**
 * Fetches one layer: downloads, hashes, keeps the blob as it was sent, inflates, hashes again, indexes, all in one pass.
 *
 * A download that was cut, by whatever end of whatever process, goes on where it was; then the pass over what is
 * complete follows. What turns out to be wrong is not kept: the next try begins at the first byte. A layer that is sent
 * as the tar that it is has no second copy as a blob, and is downloaded in one go.
 *
 * What came wrong from one of several places is fetched from another. Fault `corrupt` where the bytes are not what the
 * manifest or the config says, `exhausted` where they inflate out of
 * all proportion.
 */
export async function fetchLayer(remote: Remote, layer: ImageLayer, options: FetchLayerOptions): Promise<void> {
  const { descriptor } = layer;
  try {
    await readElsewhere(remote, descriptor, () => fetchOnce(remote, layer, options));
  } catch (error) {
    throw Fault.wrap(`layer ${descriptor.digest}`, error);
  }
}

async function fetchOnce(
  remote: Remote,
  { descriptor, diffId }: ImageLayer,
  options: FetchLayerOptions,
): Promise<void> {
  const { blobs, holder } = options;
  if (blobs.hold(descriptor.digest, holder)) return await storeLayer(stored(blobs, descriptor), diffId, options);
  const isTar = descriptor.digest === toDigest(diffId);
  if (isTar) return await storeLayer(received(remote, descriptor, { startBytes: 0, options }), diffId, options);
  using download = blobs.writer({ holder, digest: descriptor.digest, sizeBytes: descriptor.size });
  await fetchBlob(remote, { descriptor, diffId }, { download, options });
}

interface Download {
  readonly download: BlobWriter;
  readonly options: FetchLayerOptions;
}

async function fetchBlob(remote: Remote, layer: ImageLayer, { download, options }: Download): Promise<void> {
  const { descriptor, diffId } = layer;
  try {
    const isResumed = download.offsetBytes > 0 && (await completed(remote, descriptor, { download, options }));
    const bytes = isResumed
      ? stored(options.blobs, descriptor)
      : keptOnTheWay(remote, descriptor, { download, options });
    await storeLayer(bytes, diffId, options);
  } catch (error) {
    if (isWrong(error) && options.blobs.stat(descriptor.digest) === undefined) download.truncate(0);
    throw error;
  }
}

async function storeLayer(
  blob: AsyncIterable<Uint8Array>,
  diffId: DiffId,
  { layers, holder, signal }: FetchLayerOptions,
): Promise<void> {
  const { bytes, isWide } = await peekCompression(blob);
  const store = async (): Promise<void> => {
    using writer = layers.writer({ holder });
    for await (const chunk of decompress(bytes, { maxRatio: maxInflation })) {
      writer.write(chunk);
      passBytes(chunk.length);
    }
    writer.commit(diffId);
  };
  return isWide ? wideLayers(store, signal) : store();
}

/** Of layers that take much memory to undo one at a time, whatever is pulled at once in this process. */
const wideLayers = createLimit(1);

/** Files of zeros, the densest there is, shrink about a thousandfold. */
const maxInflation = 1100;

async function* stored(blobs: BlobStore, { digest }: Descriptor): AsyncGenerator<Uint8Array, void> {
  for (const chunk of blobs.chunks(digest)) yield Buffer.from(chunk);
}

/** Completes what is left of an earlier download: false where that was wrong, and is gone now. */
async function completed(remote: Remote, descriptor: Descriptor, { download, options }: Download): Promise<boolean> {
  const startBytes = download.offsetBytes;
  try {
    for await (const chunk of received(remote, descriptor, { startBytes, options })) download.write(chunk);
    await download.commit();
    return true;
  } catch (error) {
    if (!Fault.is(error, 'corrupt')) throw error;
    download.truncate(0);
    return false;
  }
}

async function* keptOnTheWay(
  remote: Remote,
  descriptor: Descriptor,
  { download, options }: Download,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of received(remote, descriptor, { startBytes: 0, options })) {
    download.write(chunk);
    yield chunk;
  }
  await download.commit();
}

/** Tells first what is here already. */
async function* received(
  remote: Remote,
  descriptor: Descriptor,
  { startBytes, options }: { readonly startBytes: number; readonly options: FetchLayerOptions },
): AsyncGenerator<Uint8Array, void> {
  const { digest, size: totalBytes } = descriptor;
  let doneBytes = startBytes;
  options.onEvent({ kind: 'bytes', digest, doneBytes, totalBytes });
  if (doneBytes === totalBytes) return;
  for await (const chunk of remote.blob(descriptor, { offsetBytes: startBytes, signal: options.signal })) {
    doneBytes += chunk.length;
    options.onEvent({ kind: 'bytes', digest, doneBytes, totalBytes });
    yield chunk;
    passBytes(chunk.length);
  }
}

/** True where it was the bytes that were at fault, not the way that they came. */
function isWrong(error: unknown): boolean {
  return Fault.is(error) && ['corrupt', 'invalid', 'exhausted', 'unsupported'].includes(error.code);
}
