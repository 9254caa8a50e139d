import { Fault } from '../errors/index.ts';
import type { Descriptor } from '../oci/index.ts';
import { algorithmOf, createDigester } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import { readElsewhere } from './read-elsewhere.ts';
import type { Remote, WaitOptions } from './remote.ts';

/**
 * A whole blob, hashed on the way: when the iteration ends without a Fault, the bytes were those that the descriptor
 * names. Until then they are hearsay. `corrupt` if size or digest is another.
 */
export async function* verifiedBlob(
  remote: Remote,
  descriptor: Descriptor,
  options: WaitOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = createDigester(algorithmOf(descriptor.digest));
  let sizeBytes = 0;
  for await (const chunk of remote.blob(descriptor, options)) {
    digester.update(chunk);
    sizeBytes += chunk.length;
    yield chunk;
  }
  const digest = digester.digest();
  if (digest === descriptor.digest && sizeBytes === descriptor.size) return;
  const what = `${remote.name}: blob ${descriptor.digest} of ${descriptor.size} bytes`;
  throw new Fault('corrupt', `${what}: what was sent is ${digest} of ${sizeBytes} bytes`, {
    hint: 'the registry or something on the way to it changes what it sends; try again or ask who runs it',
  });
}

/** A small verified blob as a whole: an image's config. More than `limitBytes` is `exhausted`, before anything is read. */
export async function readBlob(
  remote: Remote,
  descriptor: Descriptor,
  options: WaitOptions & { readonly limitBytes: number },
): Promise<Uint8Array> {
  if (descriptor.size > options.limitBytes) {
    const sizes = `${descriptor.size} bytes, over the limit of ${options.limitBytes}`;
    throw new Fault('exhausted', `${remote.name}: blob ${descriptor.digest} has ${sizes}`);
  }
  return readElsewhere(remote, descriptor, () =>
    readAll(verifiedBlob(remote, descriptor, options), options.limitBytes),
  );
}
