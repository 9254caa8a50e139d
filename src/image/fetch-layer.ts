import type { BlobStore, BlobWriter } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import { errnoOf, passBytes } from '../host/index.ts';
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
 * A download that was cut, by whatever end of whatever process, goes on where it was: the pass begins with what is here.
 * What turns out to be wrong is not kept, and what was left of an earlier download is then fetched anew at once. A layer that
 * is sent as the tar that it is has no second copy as a blob in the end.
 *
 * What came wrong from one of several places is fetched from another. Fault `corrupt` where the bytes are not what the
 * manifest or the config says, `exhausted` where they inflate out of all proportion.
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
  using download = blobs.writer({ holder, digest: descriptor.digest, sizeBytes: descriptor.size });
  for (let isResumed = download.offsetBytes > 0; ; isResumed = false) {
    try {
      return await fetchBlob(remote, { descriptor, diffId }, { download, options });
    } catch (error) {
      if (!isWrong(error) || blobs.stat(descriptor.digest) !== undefined) throw hopeful(error, download);
      download.truncate(0);
      if (!isResumed) throw error;
    }
  }
}

interface Download {
  readonly download: BlobWriter;
  readonly options: FetchLayerOptions;
}

async function fetchBlob(
  remote: Remote,
  { descriptor, diffId }: ImageLayer,
  { download, options }: Download,
): Promise<void> {
  const isTar = descriptor.digest === toDigest(diffId);
  await storeLayer(kept(remote, descriptor, { download, options, isTar }), diffId, options);
  if (isTar) download.truncate(0);
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

/** All of a blob: what is here of it, then what comes, which is kept. */
async function* kept(
  remote: Remote,
  descriptor: Descriptor,
  { download, options, isTar }: Download & { readonly isTar: boolean },
): AsyncGenerator<Uint8Array, void> {
  const startBytes = download.offsetBytes;
  yield* readBack(download);
  for await (const chunk of received(remote, descriptor, { startBytes, options })) {
    download.write(chunk);
    yield chunk;
  }
  if (!isTar) await download.commit();
}

function* readBack(download: BlobWriter): Generator<Uint8Array, void> {
  for (let at = 0; at < download.offsetBytes;) {
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, download.offsetBytes - at));
    const got = download.read(piece, at);
    at += got;
    yield piece.subarray(0, got);
    passBytes(got);
  }
}

const pieceBytes = 256 << 10;

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

/** A way that is broken says what is good for the next try, where it says nothing better. */
function hopeful(error: unknown, { offsetBytes }: BlobWriter): unknown {
  if (!Fault.is(error, 'unavailable') || error.hint !== undefined || offsetBytes === 0) return error;
  return new Fault(error.code, error.message, {
    cause: error,
    hint: `the first ${offsetBytes} bytes are kept: the next pull goes on behind them`,
  });
}

/** True where it was the bytes that were at fault, not the way that they came, nor the disk. */
function isWrong(error: unknown): boolean {
  if (!Fault.is(error) || errnoOf(error) !== undefined) return false;
  return ['corrupt', 'invalid', 'exhausted', 'unsupported'].includes(error.code);
}
