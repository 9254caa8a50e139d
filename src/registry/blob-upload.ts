import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import type { Attempt, Sleep } from '../std/index.ts';
import type { Audience } from './authorizer.ts';
import { locationOf } from './upload-location.ts';
import type { RegistryTransport } from './registry-transport.ts';
import type { BlobContent, PutBlobOptions } from './remote-target.ts';

export interface UploadPorts {
  readonly audience: Audience;
  readonly transport: RegistryTransport;
  readonly sleep: Sleep;
  /** How often in a row an upload may be cut without progress. */
  readonly maxCuts: number;
  readonly cutDelayMs: number;
  /** Whether the registry has the blob meanwhile: the answer to the last request may be what was lost. */
  readonly isThere: () => Promise<boolean>;
  /** For messages. */
  readonly what: string;
}

/** Smaller blobs go with the request that ends their upload: one round trip less. */
const monolithicBytes = 1024 * 1024;
/** An upload that was cut after so much counts as progress: tries are counted anew. */
const progressBytes = 64 * 1024;
/** No wait is longer. Where the registry asks for more, the upload fails. */
const maxDelayMs = 20_000;

/** Where an upload goes on, and from which byte. */
export interface Session {
  readonly place: URL;
  readonly position: number;
}

export interface Uploading {
  readonly ports: UploadPorts;
  readonly options: PutBlobOptions;
}

/**
 * Uploads a blob (distribution-spec "Pushing blobs"): a small one in one request, a large one as one stream. Where that is
 * cut, the registry is asked how much of it arrived, and the rest follows; a registry that does not know any more gets it
 * from the beginning. `session` is an upload that was begun already.
 */
export async function uploadBlob(content: BlobContent, session: URL | undefined, uploading: Uploading): Promise<void> {
  const { ports, options } = uploading;
  const at: Session = { place: session ?? (await begin(ports, options)), position: 0 };
  await resume({ at, ended: await sendFrom(at, content, uploading) }, content, uploading);
}

/** A try that may have been cut, and where it began. */
export interface Tried {
  readonly at: Session;
  readonly ended: Attempt<void>;
}

/** Goes on until the upload is whole, or there is no progress. */
export async function resume(tried: Tried, content: BlobContent, uploading: Uploading): Promise<void> {
  const { ports, options } = uploading;
  let { at, ended } = tried;
  let furthest = at.position;
  for (let cuts = 0; ended.kind === 'again'; cuts++) {
    const delayMs = Math.max(ports.cutDelayMs * 2 ** cuts, ended.afterMs ?? 0);
    if (cuts >= ports.maxCuts || delayMs > maxDelayMs) throw ended.fault;
    await ports.sleep(delayMs, options.signal);
    const known = await arrived(at.place, content, uploading);
    if (known === undefined && (await ports.isThere())) return;
    const position = known?.position ?? 0;
    // One less, for the loop counts it again. What a registry had before, and says to have again, is no progress.
    if (position - furthest >= progressBytes) cuts = -1;
    furthest = Math.max(furthest, position);
    at = known ?? { place: await begin(ports, options), position };
    ended = await sendFrom(at, content, uploading);
  }
}

/** Begins an upload, and gives the place where it goes on. */
export async function begin({ audience, transport, what }: UploadPorts, { signal }: PutBlobOptions): Promise<URL> {
  const query = { method: 'POST', audience, path: 'blobs/uploads/', headers: {}, body: noBody, what } as const;
  return transport(query, (answer) => nextPlace(answer, audience), signal);
}

/** What is requested without content says so: some registries want a length. */
export const noBody = { sizeBytes: 0, open: () => [] };

/** One try to bring all that is missing and to end the upload. An upload that the registry forgot may be begun again. */
export async function sendFrom(at: Session, content: BlobContent, uploading: Uploading): Promise<Attempt<void>> {
  const { size } = content.descriptor;
  try {
    if (at.position === 0 && size <= monolithicBytes)
      return await finish(at.place, content, { ...uploading, isWhole: true });
    if (at.position === size) return await finish(at.place, content, { ...uploading, isWhole: false });
    const sent = await sendRest(at, content, uploading);
    return sent.kind === 'again' ? sent : await finish(sent.value, content, { ...uploading, isWhole: false });
  } catch (error) {
    if (isForgotten(error)) return { kind: 'again', fault: error };
    throw error;
  }
}

/** An upload that the registry does not know, or knows to be at another place than this side thinks. */
function isForgotten(error: unknown): error is Fault {
  return Fault.is(error, 'not-found') || (Fault.is(error, 'unavailable') && /status 416/.test(error.message));
}

function sendRest({ place, position }: Session, content: BlobContent, uploading: Uploading): Promise<Attempt<URL>> {
  const { audience, transport, what } = uploading.ports;
  const { size } = content.descriptor;
  const range = position === 0 ? {} : { 'content-range': `${position}-${size - 1}` };
  const query = {
    method: 'PATCH',
    audience,
    path: place,
    headers: { 'content-type': 'application/octet-stream', ...range },
    body: { sizeBytes: size - position, open: () => counted(content, position, uploading.options) },
    what,
  } as const;
  return transport.once(query, (answer) => nextPlace(answer, audience), uploading.options.signal);
}

/** Ends the upload, with all of the blob or with none of it. */
function finish(
  place: URL,
  content: BlobContent,
  { ports, options, isWhole }: Uploading & { readonly isWhole: boolean },
): Promise<Attempt<void>> {
  const { audience, transport, what } = ports;
  const { digest, size } = content.descriptor;
  const path = new URL(place);
  path.searchParams.set('digest', digest);
  const query = {
    method: 'PUT',
    audience,
    path,
    headers: { 'content-type': 'application/octet-stream' },
    body: isWhole ? { sizeBytes: size, open: () => counted(content, 0, options) } : noBody,
    what,
  } as const;
  return transport.once(query, (answer) => answer.discard(), options.signal);
}

async function* counted(
  content: BlobContent,
  position: number,
  { onProgress }: PutBlobOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let doneBytes = position;
  for await (const chunk of content.open(position)) {
    yield chunk;
    doneBytes += chunk.length;
    onProgress?.(doneBytes);
  }
}

/** How much of the upload is there; undefined where the registry does not know it any more, or what it says makes no sense. */
async function arrived(place: URL, { descriptor }: BlobContent, uploading: Uploading): Promise<Session | undefined> {
  const { audience, transport, what } = uploading.ports;
  try {
    const query = { audience, path: place, headers: {}, what };
    return await transport(
      query,
      (answer) => sessionOf(answer, audience, { place, size: descriptor.size }),
      uploading.options.signal,
    );
  } catch (error) {
    if (isForgotten(error) || Fault.is(error, 'invalid')) return undefined;
    throw error;
  }
}

async function sessionOf(
  answer: HttpAnswer,
  audience: Audience,
  { place, size }: { readonly place: URL; readonly size: number },
): Promise<Session | undefined> {
  await answer.discard();
  const { range, location } = answer.headers;
  const [, last] = /^(?:bytes=)?0-(\d{1,15})$/.exec(typeof range === 'string' ? range : '0-0') ?? [];
  if (last === undefined || Number(last) >= size) return undefined;
  // Registries say "0-0" of an upload of no bytes as well.
  const position = last === '0' ? 0 : Number(last) + 1;
  return { place: location === undefined ? place : locationOf(location, audience.address), position };
}

export async function nextPlace(answer: HttpAnswer, { address }: Audience): Promise<URL> {
  await answer.discard();
  return locationOf(answer.headers.location, address);
}
