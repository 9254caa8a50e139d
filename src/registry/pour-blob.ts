import { Fault } from '../errors/index.ts';
import type { WriteChunk } from '../host/index.ts';
import { algorithmOf, createDigester, type Digest } from '../oci/index.ts';
import { throwIfAborted } from '../std/index.ts';
import type { BlobContent, PutBlobOptions } from './remote-target.ts';

/** A blob of a layout is one. */
export interface PouredBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Its bytes, as often as they are wanted. */
  read(): ReturnType<BlobContent['open']>;
}

export type PourOptions = Partial<PutBlobOptions>;

/** All bytes of a blob, hashed: never more than its size says; `corrupt` at the end where they are not the blob's. */
export async function pourBlob(
  blob: PouredBlob,
  write: WriteChunk,
  { signal, onProgress = () => undefined }: PourOptions,
): Promise<void> {
  const { digest, sizeBytes } = blob;
  const what = `write blob ${digest}`;
  const digester = createDigester(algorithmOf(digest));
  let written = 0;
  for await (const chunk of blob.read()) {
    throwIfAborted(signal, what);
    digester.update(chunk);
    written += chunk.length;
    if (written > sizeBytes) break;
    await write(chunk);
    onProgress(written);
  }
  if (written === sizeBytes && digester.digest() === digest) return;
  throw new Fault('corrupt', `${what}: its bytes are not what its digest and size say`);
}

/** What is put somewhere, from its beginning. */
export function blobOf(content: BlobContent): PouredBlob {
  const { digest, size } = content.descriptor;
  return { digest, sizeBytes: size, read: () => content.open(0) };
}
