import { createReadStream } from 'node:fs';
import { algorithmOf, toDiffId, type Digest } from '../../oci/index.ts';
import type { ServedBlob } from '../../registry-server/index.ts';
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

export function servedBlob(file: { readonly path: string; readonly sizeBytes: number }): ServedBlob {
  return {
    sizeBytes: file.sizeBytes,
    read: ({ startBytes, endBytes }) => {
      if (startBytes >= endBytes) return nothing();
      return createReadStream(file.path, { start: startBytes, end: endBytes - 1, highWaterMark: pieceBytes });
    },
  };
}

const pieceBytes = 1 << 20;

async function* nothing(): AsyncGenerator<Uint8Array, void> {}
