import { open } from 'node:fs/promises';
import { Fault } from '../../errors/index.ts';
import { algorithmOf, toDiffId, type Digest } from '../../oci/index.ts';
import type { ByteRange, ServedBlob } from '../../registry-server/index.ts';
import type { Store } from '../store.ts';

/** Where the store has the bytes with this digest: as a blob, or as the tar of a layer. */
export function storedFile(
  { blobs, layers }: Pick<Store, 'blobs' | 'layers'>,
  digest: Digest,
): { readonly path: string; readonly sizeBytes: number } | undefined {
  const blob = blobs.stat(digest);
  if (blob !== undefined || algorithmOf(digest) !== 'sha256') return blob;
  return layers.stat(toDiffId(digest)) === undefined ? undefined : layers.tar(toDiffId(digest));
}

export function servedBlob({ path, sizeBytes }: { readonly path: string; readonly sizeBytes: number }): ServedBlob {
  return { sizeBytes, read: (range) => readRange(path, range) };
}

/** Two pieces of memory in turn: what streams of files allocate is not given back in time where much is served. */
async function* readRange(path: string, { startBytes, endBytes }: ByteRange): AsyncGenerator<Uint8Array, void> {
  await using file = await open(path);
  const pieces = [Buffer.allocUnsafeSlow(pieceBytes), Buffer.allocUnsafeSlow(pieceBytes)] as const;
  let [next, other] = pieces;
  for (let at = startBytes; at < endBytes;) {
    const { bytesRead } = await file.read(next, 0, Math.min(pieceBytes, endBytes - at), at);
    if (bytesRead === 0) throw new Fault('corrupt', `read ${path}: it became shorter`);
    yield next.subarray(0, bytesRead);
    at += bytesRead;
    [next, other] = [other, next];
  }
}

const pieceBytes = 1 << 18;
