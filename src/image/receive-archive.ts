import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { maxConfigBytes, parseDigest, toDiffId, type Digest, type DiffId } from '../oci/index.ts';
import { archiveMembers, type ArchiveMember } from '../registry/index.ts';
import { decompress, detectCompression, throwIfAborted } from '../std/index.ts';
import type { PullEvent } from './pull-image.ts';

export interface ReceiveOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly holder: LayerHolder;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PullEvent) => void;
}

/** What an archive of images held. Nothing of it is believed: what documents say is checked by who reads them. */
export interface ReceivedArchive {
  /** Files that are no layers, by path. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** Each file that is a layer: what it is once uncompressed. */
  readonly layers: ReadonlyMap<string, DiffId>;
  /** What a link stands for. */
  readonly links: ReadonlyMap<string, string>;
  /** Files that are no layers, and too long for documents. */
  readonly oversized: ReadonlySet<string>;
}

/** Of all documents together: an archive of a thousand images has less. */
const maxDocumentBytes = 64 * 1024 * 1024;
/** Files of zeros, the densest there is, shrink about a thousandfold. */
const maxInflation = 1100;

/**
 * Takes in an archive of images as it comes, from a pipe too, in one pass and in whatever order: layers go through the
 * layer store's writer, hashed and indexed; the compressed ones of an OCI layout are kept as blobs as well; documents stay in
 * memory, since what they mean may depend on one that comes last. What the store has already is passed over.
 *
 * A blob of a layout that is not what its name says is `corrupt`. What was stored has no name yet: it is kept by the
 * holder alone.
 */
export async function receiveArchive(
  bytes: AsyncIterable<Uint8Array>,
  options: ReceiveOptions,
): Promise<ReceivedArchive> {
  const received = new Received();
  for await (const member of archiveMembers(decompress(bytes, { maxRatio: maxInflation }))) {
    throwIfAborted(options.signal, 'read image archive');
    try {
      if (member.kind === 'link') received.link(member.path, member.target);
      else await receiveFile(member, { received, options });
    } catch (error) {
      throw Fault.wrap(`read image archive: ${member.path}`, error);
    }
  }
  return received;
}

type FileMember = Extract<ArchiveMember, { readonly kind: 'file' }>;

interface Receiving {
  readonly received: Received;
  readonly options: ReceiveOptions;
}

async function receiveFile(member: FileMember, { received, options }: Receiving): Promise<void> {
  const { head, bytes } = await peek(member.content);
  if (looksLikeLayer(head)) {
    const diffId = await receiveLayer({ ...member, content: bytes }, head, options);
    if (diffId !== undefined) received.layer(member.path, diffId);
  } else if (member.sizeBytes <= maxConfigBytes) {
    received.document(member.path, Buffer.concat(await Array.fromAsync(bytes)));
  } else {
    received.oversize(member.path);
  }
}

/** Undefined for a compressed blob that is here: what it becomes is found where it is needed. */
async function receiveLayer(
  member: FileMember,
  head: Uint8Array,
  options: ReceiveOptions,
): Promise<DiffId | undefined> {
  const { blobs, layers, holder } = options;
  const stated = statedDigest(member.path);
  const isTar = detectCompression(head) === 'none' && stated?.startsWith('sha256:') === true;
  if (isTar && layers.hold(toDiffId(stated), holder)) return toDiffId(stated);
  const blob = member.path.startsWith('blobs/') && !isTar ? stated : undefined;
  if (blob !== undefined && blobs.hold(blob, holder)) return undefined;
  const content = counted(member, options);
  const diffId = await (blob === undefined ? storeTar(content, options) : keepBlob(content, blob, options));
  if (!isTar || diffId === toDiffId(stated)) return diffId;
  throw new Fault('corrupt', `what it is named for it is not: its digest is ${diffId}`);
}

async function storeTar(content: AsyncIterable<Uint8Array>, { layers, holder }: ReceiveOptions): Promise<DiffId> {
  using writer = layers.writer({ holder });
  for await (const chunk of decompress(content, { maxRatio: maxInflation })) writer.write(chunk);
  return writer.commit().diffId;
}

/** Both: the blob as it came, and the layer that it becomes. */
async function keepBlob(content: AsyncIterable<Uint8Array>, digest: Digest, options: ReceiveOptions): Promise<DiffId> {
  using blob = options.blobs.writer({ holder: options.holder });
  async function* kept(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of content) {
      blob.write(chunk);
      yield chunk;
    }
    await blob.commit({ digest });
  }
  return await storeTar(kept(), options);
}

async function* counted(member: FileMember, options: ReceiveOptions): AsyncGenerator<Uint8Array, void> {
  const { path, sizeBytes: totalBytes, content } = member;
  const digest = statedDigest(path) ?? path;
  let doneBytes = 0;
  for await (const chunk of content) {
    throwIfAborted(options.signal, 'read');
    doneBytes += chunk.length;
    options.onEvent({ kind: 'bytes', digest, doneBytes, totalBytes });
    yield chunk;
  }
  options.onEvent({ kind: 'layer', digest, state: 'done' });
}

/** `blobs/<algorithm>/<hex>` says what its bytes must be; `<hex>.tar` claims to be the layer of that diff ID. */
export function statedDigest(path: string): Digest | undefined {
  const [, algorithm = 'sha256', hex] =
    /^blobs\/(sha256|sha512)\/([0-9a-f]{64,128})$/.exec(path) ?? /^()([0-9a-f]{64})\.tar$/.exec(path) ?? [];
  const text = `${algorithm === '' ? 'sha256' : algorithm}:${hex}`;
  return /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text) ? parseDigest(text) : undefined;
}

/** A compressed file, or a tar by its magic number (POSIX ustar, at byte 257). */
function looksLikeLayer(head: Uint8Array): boolean {
  const compression = detectCompression(head);
  return compression !== 'none' || Buffer.from(head).toString('latin1', 257, 262) === 'ustar';
}

const headBytes = 262;

async function peek(
  content: AsyncIterable<Uint8Array>,
): Promise<{ readonly head: Uint8Array; readonly bytes: AsyncIterable<Uint8Array> }> {
  const iterator = content[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let length = 0; length < headBytes;) {
    const next = await iterator.next();
    if (next.done === true) break;
    first.push(next.value);
    length += next.value.length;
  }
  async function* all(): AsyncGenerator<Uint8Array, void> {
    yield* first.splice(0);
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  return { head: Buffer.concat(first).subarray(0, headBytes), bytes: all() };
}

/** A path has one meaning, the last one that it was given. */
class Received implements ReceivedArchive {
  readonly documents = new Map<string, Uint8Array>();
  readonly layers = new Map<string, DiffId>();
  readonly links = new Map<string, string>();
  readonly oversized = new Set<string>();
  #documentBytes = 0;

  document(path: string, bytes: Uint8Array): void {
    this.#forget(path);
    this.#documentBytes += bytes.length;
    if (this.#documentBytes > maxDocumentBytes) {
      throw new Fault('exhausted', `more than ${maxDocumentBytes} bytes of documents`);
    }
    this.documents.set(path, bytes);
  }

  layer(path: string, diffId: DiffId): void {
    this.#forget(path);
    this.layers.set(path, diffId);
  }

  link(path: string, target: string): void {
    this.#forget(path);
    this.links.set(path, target);
  }

  oversize(path: string): void {
    this.#forget(path);
    this.oversized.add(path);
  }

  #forget(path: string): void {
    this.#documentBytes -= this.documents.get(path)?.length ?? 0;
    for (const paths of [this.documents, this.layers, this.links, this.oversized]) paths.delete(path);
  }
}
