import { Fault } from '../errors/index.ts';
import type { Attempt } from '../std/index.ts';
import { begin, nextPlace, resume, sendFrom, uploadBlob, type Uploading } from './blob-upload.ts';
import type { BlobContent, GrowingContent } from './remote-target.ts';

/**
 * Uploads a blob while it grows, as one stream: its digest is needed where the upload ends. Where the stream is cut, all waits until
 * the blob is whole, and then goes on as for any other blob; likewise where the registry wants to know the length first.
 */
export async function uploadGrowingBlob(growing: GrowingContent, uploading: Uploading): Promise<void> {
  const place = await begin(uploading.ports, uploading.options);
  const sent = await sendGrowing(place, growing, uploading);
  const content: BlobContent = { descriptor: await growing.descriptor, open: (offset) => growing.open(offset) };
  if (sent.kind === 'refused') return uploadBlob(content, undefined, uploading);
  if (sent.kind === 'again') return resume({ at: { place, position: 0 }, ended: sent }, content, uploading);
  const at = { place: sent.value, position: content.descriptor.size };
  await resume({ at, ended: await sendFrom(at, content, uploading) }, content, uploading);
}

/** All that there will be, in one request of unknown length. */
async function sendGrowing(
  place: URL,
  growing: GrowingContent,
  { ports, options }: Uploading,
): Promise<Attempt<URL> | { readonly kind: 'refused' }> {
  const { audience, transport, what } = ports;
  const headers = { 'content-type': 'application/octet-stream' };
  const body = { sizeBytes: undefined, open: () => counted(growing, options.onProgress) };
  const query = { method: 'PATCH', audience, path: place, headers, body, what } as const;
  try {
    return await transport.once(query, (answer) => nextPlace(answer, audience), options.signal);
  } catch (error) {
    if (!Fault.is(error) || Fault.is(error, 'cancelled')) throw error;
    return { kind: 'refused' };
  }
}

async function* counted(
  growing: GrowingContent,
  onProgress: ((doneBytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let doneBytes = 0;
  for await (const chunk of growing.open(0)) {
    yield chunk;
    doneBytes += chunk.length;
    onProgress?.(doneBytes);
  }
}
