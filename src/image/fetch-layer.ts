import type { BlobStore, BlobWriter } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { toDigest, type Descriptor, type ImageLayer } from '../oci/index.ts';
import type { Remote } from '../registry/index.ts';
import { decompress } from '../std/index.ts';

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
 * complete follows. Fault `corrupt` where the bytes are not what the manifest or the config says.
 */
export async function fetchLayer(remote: Remote, layer: ImageLayer, options: FetchLayerOptions): Promise<void> {
  const { blobs, layers, holder } = options;
  const { descriptor, diffId } = layer;
  using writer = layers.writer({ holder });
  const source = blobs.hold(descriptor.digest, holder)
    ? stored(blobs, descriptor)
    : downloaded(remote, descriptor, { ...options, isTar: descriptor.digest === toDigest(diffId) });
  try {
    for await (const chunk of decompress(source, { maxRatio: maxInflation })) writer.write(chunk);
  } catch (error) {
    throw Fault.wrap(`layer ${descriptor.digest}`, error);
  }
  writer.commit(diffId);
}

/** Files of zeros, the densest there is, shrink about a thousandfold. */
const maxInflation = 1100;

async function* stored(blobs: BlobStore, descriptor: Descriptor): AsyncGenerator<Uint8Array, void> {
  for (const chunk of blobs.chunks(descriptor.digest)) yield Buffer.from(chunk);
}

/** The blob's bytes, from the first on, kept on the way; a layer that is sent as the tar that it is needs no second copy. */
async function* downloaded(
  remote: Remote,
  descriptor: Descriptor,
  options: FetchLayerOptions & { readonly isTar: boolean },
): AsyncGenerator<Uint8Array, void> {
  const { blobs, holder, signal } = options;
  if (options.isTar) return yield* remote.blob(descriptor, { signal });
  using writer = blobs.writer({ holder, digest: descriptor.digest, sizeBytes: descriptor.size });
  if (writer.offsetBytes === 0) {
    for await (const chunk of received(remote, descriptor, { writer, options })) yield chunk;
    await writer.commit();
    return;
  }
  for await (const _ of received(remote, descriptor, { writer, options }));
  await commitOrBeginAgain(writer);
  yield* stored(blobs, descriptor);
}

async function* received(
  remote: Remote,
  descriptor: Descriptor,
  { writer, options }: { readonly writer: BlobWriter; readonly options: FetchLayerOptions },
): AsyncGenerator<Uint8Array, void> {
  const { digest, size: totalBytes } = descriptor;
  if (writer.offsetBytes === totalBytes) return;
  for await (const chunk of remote.blob(descriptor, { offsetBytes: writer.offsetBytes, signal: options.signal })) {
    writer.write(chunk);
    options.onEvent({ kind: 'bytes', digest, doneBytes: writer.offsetBytes, totalBytes });
    yield chunk;
  }
}

/** What was left of an earlier download may be wrong: it must not stand in the way of the next try. */
async function commitOrBeginAgain(writer: BlobWriter): Promise<void> {
  try {
    await writer.commit();
  } catch (error) {
    if (Fault.is(error, 'corrupt')) writer.truncate(0);
    throw error;
  }
}
