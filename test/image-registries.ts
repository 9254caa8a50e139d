import assert from 'node:assert/strict';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { startDockerRegistry, type DockerRegistry } from '../src/registry/docker-registry.fixture.ts';
import {
  refuse,
  scriptedServer,
  send,
  type RecordedRequest,
  type Script,
  type ScriptedServer,
} from '../src/http/scripted-server.fixture.ts';
import type { CraftedImage } from '../src/image/crafted-image.fixture.ts';

/** Debian's docker-registry behind a proxy that sees what a pull asks for. */
export interface WatchedRegistry extends AsyncDisposable {
  /** Of the proxy. */
  readonly host: string;
  readonly registry: DockerRegistry;
  /** Every request so far. */
  readonly requests: readonly RecordedRequest[];
  /** The digests of the blobs that were asked for since the last call, sorted. */
  takeBlobRequests(): readonly string[];
  /** Stores the image as `REPOSITORY:TAG`, byte for byte. */
  upload(image: CraftedImage, name: string): Promise<void>;
  /** From now on so many bytes of a blob are sent and the rest is held back, until it is set to undefined. */
  holdAfterBytes: number | undefined;
}

export async function watchedRegistry(): Promise<WatchedRegistry> {
  const registry = await startDockerRegistry();
  let seen = 0;
  let watched: WatchedRegistry | undefined;
  const proxy = await scriptedServer((request, response) =>
    forward(registry.host, request, { response, allowedBytes: () => watched?.holdAfterBytes ?? Infinity }),
  );
  watched = {
    host: proxy.host,
    registry,
    requests: proxy.requests,
    holdAfterBytes: undefined,
    takeBlobRequests: () => {
      const lines = proxy.requests.slice(seen).map(({ line }) => line);
      seen = proxy.requests.length;
      return lines.flatMap((line) => /\/blobs\/(sha256:\w+)/.exec(line)?.[1] ?? []).toSorted();
    },
    upload: (image, name) => uploadImage(registry.host, image, name),
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
  return watched;
}

interface Forwarding {
  readonly response: ServerResponse;
  /** How many bytes of a blob may be sent by now. */
  readonly allowedBytes: () => number;
}

/** The connection stays open, silent, while the rest is held back. */
function forward(
  target: string,
  { line, headers, body }: RecordedRequest,
  { response, allowedBytes }: Forwarding,
): void {
  const [method = '', path = ''] = line.split(' ');
  const outgoing = httpRequest(`http://${target}${path}`, { method, headers: { ...headers, host: target } });
  outgoing.on('error', () => response.destroy());
  outgoing.on('response', (incoming) => {
    response.writeHead(incoming.statusCode ?? 500, incoming.headers);
    if (path.includes('/blobs/')) void pipeline(held(incoming, allowedBytes), response).catch(() => undefined);
    else incoming.pipe(response);
  });
  body.pipe(outgoing);
}

async function* held(source: AsyncIterable<Buffer>, allowedBytes: () => number): AsyncGenerator<Buffer, void> {
  let sentBytes = 0;
  for await (const chunk of source) {
    const first = chunk.subarray(0, Math.max(0, allowedBytes() - sentBytes));
    yield first;
    sentBytes += chunk.length;
    while (sentBytes > allowedBytes()) await pause(10, undefined, { ref: false });
    yield chunk.subarray(first.length);
  }
}

async function uploadImage(host: string, image: CraftedImage, name: string): Promise<void> {
  const [repository = '', tag = 'latest'] = name.split(':');
  const base = `http://${host}/v2/${repository}`;
  const manifests = [...image.blobs].filter(([, bytes]) => bytes[0] === 0x7b && bytes.includes('"schemaVersion"'));
  const isManifest = new Set(manifests.map(([digest]) => digest));
  for (const [digest, bytes] of image.blobs) {
    if (isManifest.has(digest)) continue;
    const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    const location = new URL(begun.headers.get('location') ?? '', base);
    location.searchParams.set('digest', digest);
    await put(location, bytes, 'application/octet-stream');
  }
  // The registry takes an index only after the manifests that it names: the map has them in this order.
  for (const [digest, bytes] of manifests) {
    const { mediaType = '' } = JSON.parse(String(bytes)) as { readonly mediaType?: string };
    const names = digest === image.descriptor.digest ? [digest, tag] : [digest];
    for (const each of names) await put(new URL(`${base}/manifests/${each}`), bytes, mediaType);
  }
}

async function put(url: URL, body: Uint8Array, type: string): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', body: Buffer.from(body), headers: { 'content-type': type } });
  assert.equal(answer.status, 201, `PUT ${url}: ${answer.status} ${await answer.text()}`);
}

/** What a scripted registry is asked: which part of which repository. */
export interface RegistryQuestion {
  readonly kind: 'manifest' | 'blob';
  /** A tag or digest. */
  readonly reference: string;
  readonly bytes: Buffer | undefined;
}

/** True if it has answered in its own way. */
export type Misbehaviour = (question: RegistryQuestion, response: ServerResponse, count: number) => boolean;

/** A registry that has one image under every tag of every repository, and behaves as the test says. */
export async function scriptedRegistry(image: CraftedImage, misbehave: Misbehaviour): Promise<ScriptedServer> {
  return scriptedServer(answering(image, misbehave));
}

function answering(image: CraftedImage, misbehave: Misbehaviour): Script {
  return (request, response, count) => {
    const [, part, reference = ''] = /\/(manifests|blobs)\/([^/]+)$/.exec(request.line) ?? [];
    if (part === undefined) return send(response, 200, '{}');
    const digest = reference.startsWith('sha256:') ? reference : image.descriptor.digest;
    const bytes = image.blobs.get(digest as never);
    const kind = part === 'blobs' ? 'blob' : 'manifest';
    if (misbehave({ kind, reference, bytes }, response, count)) return;
    if (bytes === undefined) return refuse(response, 404, 'NOT_FOUND', `${reference} is not here`);
    if (kind === 'manifest') {
      const { mediaType } = JSON.parse(String(bytes)) as { readonly mediaType: string };
      return send(response, 200, bytes, { 'content-type': mediaType, 'docker-content-digest': digest });
    }
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    send(response, start > 0 ? 206 : 200, bytes.subarray(start), start > 0 ? range : {});
  };
}
