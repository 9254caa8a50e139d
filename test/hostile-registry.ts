import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  refuse,
  scriptedServer,
  send,
  type RecordedRequest,
  type ScriptedServer,
} from '../src/http/scripted-server.fixture.ts';
import type { CraftedImage } from '../src/image/crafted-image.fixture.ts';

/** What a registry is asked, and what a good one would say. */
export interface Question {
  readonly kind: 'ping' | 'manifest' | 'blob' | 'upload' | 'tags' | 'token';
  readonly verb: string;
  readonly repository: string;
  /** A tag, a digest, or the number of an upload. */
  readonly reference: string;
  readonly url: URL;
  readonly request: RecordedRequest;
  /** The manifest or blob. */
  readonly bytes: Buffer | undefined;
  /** How often the same was asked, this time included. */
  readonly count: number;
}

/** Answers in its own way, or leaves it to the good registry by giving false. */
export type Misbehaviour = (
  question: Question,
  response: ServerResponse,
  registry: HostileRegistry,
) => boolean | Promise<boolean>;

/**
 * A registry in memory that does what the distribution specification says, as long as it is not sick: then it does first
 * what its misbehaviour does. The repository `app` has one image under every tag; others have what is pushed.
 */
export interface HostileRegistry extends ScriptedServer {
  readonly image: CraftedImage;
  /** Another host that has the same, and is to be told no secrets. */
  readonly elsewhere: ScriptedServer;
  isSick: boolean;
}

export async function hostileRegistry(image: CraftedImage, misbehave: Misbehaviour): Promise<HostileRegistry> {
  const content = new Content(image);
  const counts = new Map<string, number>();
  const elsewhere = await scriptedServer((request, response) => content.answer(content.question(request, 1), response));
  const server = await scriptedServer(async (request, response) => {
    const count = (counts.get(request.line) ?? 0) + 1;
    counts.set(request.line, count);
    const question = content.question(request, count);
    if (registry.isSick && (await misbehave(question, response, registry))) return;
    await content.answer(question, response);
  });
  const close = async (): Promise<void> => {
    await Promise.all([server[Symbol.asyncDispose](), elsewhere[Symbol.asyncDispose]()]);
  };
  const registry: HostileRegistry = { ...server, image, elsewhere, isSick: true, [Symbol.asyncDispose]: close };
  return registry;
}

const paths = [
  ['upload', /^\/v2\/(.+)\/blobs\/uploads\/(\d*)$/],
  ['blob', /^\/v2\/(.+)\/blobs\/([^/]+)$/],
  ['manifest', /^\/v2\/(.+)\/manifests\/([^/]+)$/],
  ['tags', /^\/v2\/(.+)\/tags\/list$/],
  ['token', /^\/token$/],
] as const;

/** What the registry has. */
class Content {
  readonly #image: CraftedImage;
  readonly #blobs = new Map<string, Buffer>();
  /** By `REPOSITORY:TAG`, and by digest. */
  readonly #manifests = new Map<string, Buffer>();
  readonly #uploads: Buffer[] = [];

  constructor(image: CraftedImage) {
    this.#image = image;
    for (const [digest, bytes] of image.blobs) {
      this.#blobs.set(digest, bytes);
      this.#manifests.set(digest, bytes);
    }
  }

  question(request: RecordedRequest, count: number): Question {
    const [verb = '', target = ''] = request.line.split(' ');
    const url = new URL(target, 'http://registry');
    for (const [kind, pattern] of paths) {
      const [found, repository = '', reference = ''] = pattern.exec(url.pathname) ?? [];
      if (found === undefined) continue;
      const bytes = kind === 'manifest' ? this.#manifest(repository, reference) : this.#blobs.get(reference);
      return { kind, verb, repository, reference, url, request, bytes, count };
    }
    return { kind: 'ping', verb, repository: '', reference: '', url, request, bytes: undefined, count };
  }

  async answer(question: Question, response: ServerResponse): Promise<void> {
    const { kind, verb, reference, bytes } = question;
    if (kind === 'upload') return this.#upload(question, response);
    if (kind === 'manifest' && verb === 'PUT') return this.#putManifest(question, response);
    if (kind === 'tags') return send(response, 200, JSON.stringify({ name: question.repository, tags: ['1'] }));
    if (kind === 'ping' || kind === 'token') return send(response, 200, '{"token":"t"}');
    if (bytes === undefined) return refuse(response, 404, 'NOT_FOUND', `${reference} is not here`);
    if (kind === 'manifest') return sendManifest(response, bytes);
    sendRange(question, response);
  }

  #manifest(repository: string, reference: string): Buffer | undefined {
    const named = this.#manifests.get(`${repository}:${reference}`) ?? this.#manifests.get(reference);
    const isImage = repository === 'app' && !reference.includes(':');
    return named ?? (isImage ? this.#manifests.get(this.#image.descriptor.digest) : undefined);
  }

  async #putManifest({ repository, reference, request }: Question, response: ServerResponse): Promise<void> {
    const bytes = Buffer.concat(await Array.fromAsync(request.body));
    const digest = sha256(bytes);
    for (const key of [digest, `${repository}:${reference}`]) this.#manifests.set(key, bytes);
    send(response, 201, '', { 'docker-content-digest': digest });
  }

  async #upload({ verb, repository, reference, url, request }: Question, response: ServerResponse): Promise<void> {
    const id = verb === 'POST' ? this.#uploads.push(Buffer.alloc(0)) - 1 : Number(reference);
    const known = this.#uploads[id];
    if (known === undefined) return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload');
    const bytes = Buffer.concat([known, ...(await Array.fromAsync(request.body))]);
    this.#uploads[id] = bytes;
    if (verb === 'PUT') {
      const digest = url.searchParams.get('digest') ?? '';
      if (sha256(bytes) !== digest) return refuse(response, 400, 'DIGEST_INVALID', 'that is something else');
      this.#blobs.set(digest, bytes);
      return send(response, 201, '', { 'docker-content-digest': digest });
    }
    const location = `/v2/${repository}/blobs/uploads/${id}`;
    send(response, verb === 'GET' ? 204 : 202, '', { location, range: `0-${Math.max(0, bytes.length - 1)}` });
  }
}

/** As it says itself what it is. */
export function sendManifest(response: ServerResponse, bytes: Buffer, headers: Record<string, string> = {}): void {
  const [, mediaType = ''] = /"mediaType":"([^"]+)"/.exec(bytes.toString('utf8', 0, 200)) ?? [];
  send(response, 200, bytes, { 'content-type': mediaType, 'docker-content-digest': sha256(bytes), ...headers });
}

function sendRange({ request, bytes = Buffer.alloc(0) }: Question, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start === 0) return send(response, 200, bytes);
  send(response, 206, bytes.subarray(start), { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
