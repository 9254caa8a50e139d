import { Fault } from '../errors/index.ts';
import { isTransient, transientFault, type HttpAnswer } from '../http/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import {
  digestMatches,
  digestOf,
  isTag,
  manifestMediaTypes,
  maxManifestBytes,
  parseDigest,
  parseManifest,
} from '../oci/index.ts';
import type { Sleep } from '../std/index.ts';
import { readAll } from '../std/index.ts';
import type { Audience } from './authorizer.ts';
import { downloadPlace } from './download-place.ts';
import type { RegistryTransport } from './registry-transport.ts';
import { listReferrers } from './referrers.ts';
import type { BlobOptions, Remote, RemoteManifest, WaitOptions } from './remote.ts';
import type { ReferrersOptions, RemoteListing } from './remote-target.ts';
import { listTags } from './tag-list.ts';

export interface RepositoryOptions {
  readonly transport: RegistryTransport;
  readonly sleep: Sleep;
  /** How often in a row a download may be cut without a byte of progress. */
  readonly maxCuts: number;
  readonly cutDelayMs: number;
}

/** One repository of a registry, read over the distribution protocol (distribution-spec "Pull"). */
export class RegistryRepository implements Remote, RemoteListing {
  readonly name: string;
  readonly #audience: Audience;
  readonly #options: RepositoryOptions;

  constructor(audience: Audience, options: RepositoryOptions) {
    this.name = `${audience.address.registry}/${audience.repository}`;
    this.#audience = audience;
    this.#options = options;
  }

  async manifest(tagOrDigest: string, { signal }: WaitOptions): Promise<RemoteManifest> {
    const what = `${this.name}: manifest ${tagOrDigest}`;
    const digest = isTag(tagOrDigest) ? undefined : parseDigest(tagOrDigest);
    const query = { audience: this.#audience, path: `manifests/${tagOrDigest}`, headers: manifestHeaders, what };
    const read = async (answer: HttpAnswer): Promise<RemoteManifest> =>
      checkedManifest(await readAll(answer.body, maxManifestBytes), answer, digest);
    return this.#options.transport(query, read, signal);
  }

  async *blob(descriptor: Descriptor, options: BlobOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { sleep, maxCuts, cutDelayMs } = this.#options;
    using _place = await downloadPlace(this.#audience.address.registry, options.signal);
    let position = options.offsetBytes ?? 0;
    for (let cuts = 0; position < descriptor.size; cuts++) {
      const startedAt = position;
      const download = await this.#download(descriptor, position, options.signal);
      try {
        for await (const chunk of download) {
          position += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        if (position - startedAt >= progressBytes) cuts = 0;
        if (!isTransient(error) || cuts >= maxCuts) throw error;
      }
      await sleep(cutDelayMs * 2 ** cuts, options.signal);
    }
  }

  tags({ signal }: WaitOptions): AsyncIterable<string> {
    return listTags(this.#audience, this.#options.transport, { name: this.name, signal });
  }

  referrers(digest: Digest, { signal, artifactType }: ReferrersOptions): Promise<readonly Descriptor[]> {
    return listReferrers(this.#audience, digest, {
      transport: this.#options.transport,
      name: this.name,
      artifactType,
      signal,
      fallback: (tag) => this.manifest(tag, { signal }),
    });
  }

  /**
   * One connection that gives the blob from `position` on. Where it is cut, its iteration ends in a transient Fault. A registry
   * that knows nothing of ranges, or says so, sends all of the blob, and what is here already is passed over.
   */
  async #download(
    descriptor: Descriptor,
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<AsyncIterable<Uint8Array>> {
    const what = `${this.name}: blob ${descriptor.digest}`;
    const span = { position, size: descriptor.size, what };
    const query = { audience: this.#audience, path: `blobs/${descriptor.digest}`, what };
    const { transport } = this.#options;
    if (position > 0) {
      const headers = { ...blobHeaders, range: `bytes=${position}-` };
      const asked = { ...query, headers, alsoStatus: rangeNotSatisfiable };
      const rest = await transport(asked, (answer) => bytesFrom(answer, span), signal);
      if (rest !== undefined) return rest;
    }
    const all = await transport({ ...query, headers: blobHeaders }, (answer) => bytesFrom(answer, span), signal);
    if (all === undefined) throw new Fault('corrupt', `${what}: some of it was sent where all of it was asked for`);
    return all;
  }
}

const rangeNotSatisfiable = 416;

/** A download that was cut after so much counts as progress: tries are counted anew. */
const progressBytes = 64 * 1024;

/** Compressed transfer is declined: digests name the bytes as they are stored. */
const blobHeaders = { accept: '*/*', 'accept-encoding': 'identity' };
const manifestHeaders = { accept: manifestMediaTypes.join(', '), 'accept-encoding': 'identity' };

/** Types that misconfigured servers give to everything: they say nothing, and the document must say what it is. */
const meaninglessTypes: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'text/plain',
]);

/** Hotels and companies answer in place of everybody. */
const portalHint = 'see that what is asked there is a registry, and that the network does not want a login first';

function checkedManifest(bytes: Uint8Array, answer: HttpAnswer, asked: Digest | undefined): RemoteManifest {
  const servedAs = (answer.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
  if (servedAs === 'text/html') throw new Fault('invalid', 'a page of HTML was sent', { hint: portalHint });
  const stated = headerDigest(answer);
  for (const expected of [asked, stated]) {
    if (expected === undefined || digestMatches(expected, bytes)) continue;
    throw new Fault('corrupt', `what was sent is ${digestOf(bytes)}, not ${expected}`);
  }
  const manifest = parseManifest(bytes, meaninglessTypes.has(servedAs) ? {} : { mediaType: servedAs });
  return { mediaType: manifest.mediaType, digest: asked ?? stated ?? digestOf(bytes), bytes, manifest };
}

function headerDigest(answer: HttpAnswer): Digest | undefined {
  const header = answer.headers['docker-content-digest'];
  return typeof header === 'string' ? parseDigest(header) : undefined;
}

interface Span {
  readonly position: number;
  readonly size: number;
  readonly what: string;
}

/** The answer's bytes from `position` to `size`, or from before that on; undefined where it does not have them. */
async function bytesFrom(answer: HttpAnswer, span: Span): Promise<AsyncIterable<Uint8Array> | undefined> {
  const start = answer.status === 206 ? rangeStart(answer) : 0;
  if (answer.status !== rangeNotSatisfiable && start !== undefined && start <= span.position) {
    return sliced(answer.body, start, span);
  }
  await answer.discard();
  return undefined;
}

async function* sliced(
  body: AsyncIterable<Uint8Array>,
  start: number,
  { position, size, what }: Span,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = start;
  try {
    for await (const chunk of body) {
      const skipped = Math.max(0, position - at);
      at += chunk.length;
      if (at > size) throw new Fault('corrupt', `more than its ${size} bytes were sent`);
      if (skipped < chunk.length) yield skipped === 0 ? chunk : chunk.subarray(skipped);
    }
    if (at < size) throw transientFault(`only ${at} of its ${size} bytes were sent`);
  } catch (error) {
    throw Fault.wrap(what, error);
  }
}

function rangeStart(answer: HttpAnswer): number | undefined {
  const [, start] = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '') ?? [];
  return start === undefined ? undefined : Number(start);
}
