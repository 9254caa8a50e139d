import type { BlobStore, BlobWriter } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import { exchangeFollowing, isTransient, transientFault, type HttpAnswer, type HttpExchange } from '../http/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Locks } from '../state/index.ts';
import { retry, throwIfAborted, type Attempt, type RetryOptions } from '../std/index.ts';
import { statusFault } from './file-status-fault.ts';
import { nameInDisposition, nameInUrl } from './file-name.ts';
import { parseHttpTime } from './http-time.ts';
import type { FetchUrlOptions, RemoteFile } from './remote-sources.ts';
import { findUrlRecord, putUrlRecord, touchUrlRecord, urlKey, type UrlCache, type UrlRecord } from './url-records.ts';
import { parseWebUrl, shownUrl, type WebUrl } from './web-url.ts';

export interface UrlPorts {
  readonly blobs: BlobStore;
  readonly cache: UrlCache;
  readonly locks: Locks;
  readonly exchange: HttpExchange;
  readonly userAgent: string;
  readonly patience: Omit<RetryOptions, 'signal'>;
}

const maxRedirects = 10;
const defaultMaxSizeBytes = 64 * 2 ** 30;

/** See `RemoteSources.fetchUrl`. */
export async function fetchUrl(text: string, options: FetchUrlOptions, ports: UrlPorts): Promise<RemoteFile> {
  const during = `fetch ${shownUrl(text)}`;
  const target = parseWebUrl(text);
  const waiting = options.signal === undefined ? {} : { signal: options.signal };
  try {
    throwIfAborted(options.signal, 'wait');
    const download = new UrlDownload(text, target, { ...ports, ...options });
    return await ports.locks.exclusively(urlKey(target.url), () => download.run(), waiting);
  } catch (error) {
    throw Fault.wrap(during, error);
  }
}

/** One file on its way, while its URL is locked. */
class UrlDownload {
  readonly #text: string;
  readonly #target: WebUrl;
  readonly #options: UrlPorts & FetchUrlOptions;

  constructor(text: string, target: WebUrl, options: UrlPorts & FetchUrlOptions) {
    this.#text = text;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<RemoteFile> {
    const { cache, blobs, holder, checksum } = this.#options;
    const record = findUrlRecord(cache, this.#target.url);
    if (checksum !== undefined && blobs.hold(checksum, holder)) {
      return this.#stored(record?.digest === checksum ? record : { ...unknown, digest: checksum });
    }
    const known = record !== undefined && blobs.hold(record.digest, holder) ? record : undefined;
    const answer = await this.#ask(conditions(known));
    if (known === undefined || !isUnchanged(answer, known)) return this.#receive(answer);
    await answer.discard();
    requireDigest(known.digest, checksum);
    touchUrlRecord(cache, this.#target.url);
    return this.#stored(known);
  }

  /** Asks until there is an answer that is no error. */
  #ask(headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    const { patience, signal } = this.#options;
    return retry(() => this.#askOnce(headers), { ...patience, signal });
  }

  async #askOnce(headers: Readonly<Record<string, string>>): Promise<Attempt<HttpAnswer>> {
    const { exchange, userAgent, signal } = this.#options;
    const { url, authorization } = this.#target;
    // A compressed transfer would be other bytes than the file's.
    const request = { url, headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers } };
    try {
      const answer = await exchangeFollowing(exchange, request, { authorization, signal, maxRedirects });
      if (isUsable(answer.status)) return { kind: 'done', value: answer };
      await answer.discard();
      throw statusFault(answer.status);
    } catch (error) {
      if (isTransient(error)) return { kind: 'again', fault: error };
      throw error;
    }
  }

  /** Takes the body into the store. */
  async #receive(first: HttpAnswer): Promise<RemoteFile> {
    const { blobs, holder, checksum } = this.#options;
    const tag = strongTag(first);
    const ref = tag === undefined ? {} : { ref: `${urlKey(this.#target.url)} ${tag}` };
    using writer = blobs.writer({ holder, ...(checksum === undefined ? ref : { digest: checksum }) });
    const isResumed = writer.offsetBytes > 0;
    let last = await this.#fill(writer, isResumed ? await this.#askForRest(first, writer) : first);
    if (isResumed && checksum !== undefined && writer.digest() !== checksum) {
      writer.truncate(0);
      last = await this.#fill(writer, await this.#ask({}));
    }
    return await this.#commit(writer, last);
  }

  /**
   * Writes bodies until one has come to its end, and gives its answer. What is cut goes on where it was cut; it is given up
   * where try after try comes no further.
   */
  async #fill(writer: BlobWriter, first: HttpAnswer): Promise<HttpAnswer> {
    const { maxAttempts, firstDelayMs, maxDelayMs, sleep } = this.#options.patience;
    let furthest = 0;
    let failures = 0;
    for (let answer = first; ;) {
      try {
        await this.#append(writer, answer);
        return answer;
      } catch (error) {
        failures = writer.offsetBytes > furthest ? 1 : failures + 1;
        furthest = Math.max(furthest, writer.offsetBytes);
        if (!isTransient(error) || failures >= maxAttempts) throw error;
      }
      await sleep(Math.min(firstDelayMs * 2 ** (failures - 1), maxDelayMs), this.#options.signal);
      answer = await this.#askForRest(answer, writer);
    }
  }

  /** The part that is not there, if what is there belongs to it for certain; else the whole. */
  async #askForRest(answer: HttpAnswer, writer: BlobWriter): Promise<HttpAnswer> {
    await answer.discard();
    const tag = strongTag(answer);
    if (tag === undefined && this.#options.checksum === undefined) writer.truncate(0);
    if (writer.offsetBytes === 0) return this.#ask({});
    return this.#ask({ range: `bytes=${writer.offsetBytes}-`, ...(tag !== undefined && { 'if-range': tag }) });
  }

  async #append(writer: BlobWriter, answer: HttpAnswer): Promise<void> {
    const { maxSizeBytes = defaultMaxSizeBytes, onProgress } = this.#options;
    const start = startOf(answer);
    if (start !== writer.offsetBytes) writer.truncate(0);
    if (start !== writer.offsetBytes) {
      await answer.discard();
      throw transientFault('the server sent something else than the part of the file that was asked for');
    }
    const length = answer.headers['content-length'];
    const totalBytes = length === undefined ? undefined : start + Number(length);
    const requireRoom = (sizeBytes: number): void => {
      if (sizeBytes > maxSizeBytes) throw new Fault('exhausted', `it has more than the ${maxSizeBytes} bytes allowed`);
    };
    if (totalBytes !== undefined && totalBytes > maxSizeBytes) await answer.discard();
    requireRoom(totalBytes ?? 0);
    for await (const chunk of answer.body) {
      requireRoom(writer.offsetBytes + chunk.length);
      writer.write(chunk);
      onProgress?.({ doneBytes: writer.offsetBytes, totalBytes });
    }
  }

  async #commit(writer: BlobWriter, { headers }: HttpAnswer): Promise<RemoteFile> {
    const { cache, checksum } = this.#options;
    const digest = writer.digest();
    if (checksum !== undefined && digest !== checksum) writer.truncate(0);
    requireDigest(digest, checksum);
    await writer.commit();
    const record: UrlRecord = {
      digest,
      etag: headers.etag,
      lastModified: headers['last-modified'],
      name: nameInDisposition(headers['content-disposition']),
    };
    putUrlRecord(cache, this.#target.url, record);
    return { ...this.#stored(record), isNew: true };
  }

  #stored({ digest, lastModified, name }: UrlRecord): RemoteFile {
    const info = this.#options.blobs.stat(digest);
    if (info === undefined) throw new Fault('conflict', `its content ${digest} was removed from the store meanwhile`);
    const { path, sizeBytes } = info;
    const mtime = parseHttpTime(lastModified);
    return { path, digest, sizeBytes, name: name ?? nameInUrl(this.#text), mtime, isNew: false };
  }
}

const unknown = { etag: undefined, lastModified: undefined, name: undefined };

function conditions(known: UrlRecord | undefined): Readonly<Record<string, string>> {
  return {
    ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known?.lastModified !== undefined && { 'if-modified-since': known.lastModified }),
  };
}

/** Some servers send a file again whose tag they were shown. */
function isUnchanged(answer: HttpAnswer, known: UrlRecord): boolean {
  if (answer.status === 304) return true;
  return known.etag !== undefined && withoutWeakness(answer.headers.etag) === withoutWeakness(known.etag);
}

function withoutWeakness(tag: string | undefined): string | undefined {
  return tag?.replace(/^W\//, '');
}

/** A weak tag says that two files mean the same, not that they have the same bytes. */
function strongTag({ headers }: HttpAnswer): string | undefined {
  return headers.etag?.startsWith('"') === true ? headers.etag : undefined;
}

/** 416: what is here is longer than the file by now; 304 is an answer to those who have something. */
function isUsable(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304 || status === 416;
}

/** The place in the file at which the body begins; undefined where it has nothing of the file. */
function startOf({ status, headers }: HttpAnswer): number | undefined {
  if (status === 206) return Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? Number.NaN);
  return status < 300 ? 0 : undefined;
}

function requireDigest(actual: Digest, expected: Digest | undefined): void {
  if (expected === undefined || actual === expected) return;
  throw new Fault('corrupt', `digest mismatch ${actual} (expected: ${expected})`, {
    hint: 'the file at this URL is not the one that the checksum was taken of',
  });
}
