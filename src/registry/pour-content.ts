import { Fault } from '../errors/index.ts';
import type { WriteChunk } from '../host/index.ts';
import { algorithmOf, createDigester } from '../oci/index.ts';
import { throwIfAborted } from '../std/index.ts';
import type { BlobContent, PutBlobOptions } from './remote-target.ts';

/** All bytes of a blob, hashed: never more than its size says; `corrupt` at the end where they are not the blob's. */
export async function pourContent(
  { descriptor, open }: BlobContent,
  write: WriteChunk,
  { signal, onProgress = () => undefined }: PutBlobOptions,
): Promise<void> {
  const what = `write blob ${descriptor.digest}`;
  const digester = createDigester(algorithmOf(descriptor.digest));
  let written = 0;
  for await (const chunk of open(0)) {
    throwIfAborted(signal, what);
    digester.update(chunk);
    written += chunk.length;
    if (written > descriptor.size) break;
    await write(chunk);
    onProgress(written);
  }
  if (written === descriptor.size && digester.digest() === descriptor.digest) return;
  throw new Fault('corrupt', `${what}: its bytes are not what its digest and size say`);
}
