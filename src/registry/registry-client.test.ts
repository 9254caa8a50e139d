import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { FaultCode } from '../errors/index.ts';
import type { Descriptor } from '../oci/index.ts';
import { digestOf, encodeManifest, mediaTypes, parseReference } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import type { RegistryClientOptions } from './registry-client.ts';
import { RegistryClient } from './registry-client.ts';
import type { Remote } from './remote.ts';
import { resolveImage } from './resolve-image.ts';
import { linux, sampleImage, sampleIndex } from './sample-image.fixture.ts';
import type { RecordedRequest, Script, ScriptedServer } from '../http/scripted-server.fixture.ts';
import { refuse, scriptedServer, send } from '../http/scripted-server.fixture.ts';
import { readBlob, verifiedBlob } from './verified-blob.ts';

const image = sampleImage(['one']);
const manifestBytes = encodeManifest(image.manifest);
const content = Buffer.alloc(300_000, 'layer upon layer ');
const blob: Descriptor = { mediaType: 'application/octet-stream', digest: digestOf(content), size: content.length };
const manifestPath = '/v2/app/manifests/latest';

test('a manifest is what was served, hashed and parsed; a HTTP registry on loopback needs no declaration', async () => {
  await using pair = await served((_, response) => sendManifest(response));
  const found = await pair.remote.manifest('latest', {});
  assert.equal(found.digest, image.descriptor.digest);
  assert.deepEqual(found.manifest, image.manifest);
  const [request] = pair.server.requests;
  assert.equal(request?.line, `GET ${manifestPath}`);
  assert.equal(request?.headers['user-agent'], 'varve/test');
  for (const mediaType of [mediaTypes.ociIndex, mediaTypes.dockerManifestList, mediaTypes.dockerManifest]) {
    assert.ok(request?.headers.accept?.includes(mediaType));
  }
});

test('a manifest with the wrong digest is corrupt, asked for by digest or announced with another', async () => {
  await using pair = await served((request, response) => {
    const headers = request.line.endsWith('latest') ? { 'docker-content-digest': digestOf('else') } : {};
    sendManifest(response, headers);
  });
  await fails(pair.remote.manifest(digestOf('other'), {}), 'corrupt', /app: manifest sha256:.*: what was sent is/);
  await fails(pair.remote.manifest('latest', {}), 'corrupt', /what was sent is/);
});

test('mediaType must match what was served, unless that says nothing', async () => {
  const types = [
    mediaTypes.ociIndex,
    mediaTypes.dockerManifest,
    'text/html',
    'text/plain; charset=utf-8',
    'application/json',
  ];
  await using pair = await served((_, response, count) => {
    sendManifest(response, { 'content-type': types[count - 1] ?? '' });
  });
  await fails(pair.remote.manifest('latest', {}), 'invalid', /served as .*index.* but says that it is/);
  await fails(pair.remote.manifest('latest', {}), 'invalid', /served as .*docker.* but says that it is/);
  await fails(pair.remote.manifest('latest', {}), 'invalid', /a page of HTML was sent/);
  assert.equal((await pair.remote.manifest('latest', {})).mediaType, mediaTypes.ociManifest);
  assert.equal((await pair.remote.manifest('latest', {})).mediaType, mediaTypes.ociManifest);
});

test('a manifest over 4 MiB is not read to its end', async () => {
  await using pair = await served(async (_, response) => {
    response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
    const chunk = Buffer.alloc(64 * 1024, ' ');
    while (!response.destroyed)
      if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
  });
  await fails(pair.remote.manifest('latest', {}), 'exhausted', /more than the allowed 4194304 bytes/);
});

test('500 on the first tries, resets and cut answers are tried again, with growing waits', async () => {
  await using pair = await served((_, response, count) => {
    if (count === 1) return send(response, 500, 'oops');
    if (count === 2) return void response.destroy();
    if (count === 3) return cutAfter(response, manifestBytes, 10);
    return sendManifest(response);
  });
  assert.equal((await pair.remote.manifest('latest', {})).digest, image.descriptor.digest);
  assert.equal(pair.waits.length, 3);
  assert.ok(pair.waits.every((waitMs, index) => waitMs >= 125 * 2 ** index && waitMs <= 250 * 2 ** index));
});

test('a registry that only answers 500 is unavailable after five tries', async () => {
  await using pair = await served((_, response) => refuse(response, 503, 'UNAVAILABLE', 'down for \u001b[31mrepair'));
  await fails(pair.remote.manifest('latest', {}), 'unavailable', /status 503 \(down for  \[31mrepair\)/);
  assert.equal(pair.server.requests.length, 5);
});

test('429 waits as long as Retry-After says, and gives up where that is too long', async () => {
  await using pair = await served((_, response, count) => {
    if (count === 1) return send(response, 429, '', { 'retry-after': '7' });
    if (count === 3) return send(response, 429, '', { 'retry-after': '3600' });
    return sendManifest(response);
  });
  await pair.remote.manifest('latest', {});
  assert.deepEqual(pair.waits, [7000]);
  await fails(pair.remote.manifest('latest', {}), 'unavailable', /too many requests/);
});

test('a date in Retry-After counts from the time that the registry says it is', async () => {
  const date = 'Mon, 23 Nov 2026 10:00:00 GMT';
  const dates = ['Mon, 23 Nov 2026 10:00:09 GMT', 'Mon, 23 Nov 2026 09:00:00 GMT', 'tomorrow'];
  await using pair = await served((_, response, count) => {
    const later = dates[count - 1];
    return later === undefined ? sendManifest(response) : send(response, 429, '', { date, 'retry-after': later });
  });
  await pair.remote.manifest('latest', {});
  assert.equal(pair.waits.length, 3);
  assert.equal(pair.waits[0], 9000);
  assert.ok(pair.waits.slice(1).every((waitMs) => waitMs <= 1000));
});

const refusals: readonly (readonly [number, FaultCode, RegExp])[] = [
  [404, 'not-found', /^127.*\/app: manifest latest: not found \(manifest unknown\)$/],
  [401, 'unauthenticated', /in a way that is not known here$/],
  [403, 'denied', /access denied \(manifest unknown\)$/],
  [418, 'unavailable', /status 418/],
];

for (const [status, code, message] of refusals) {
  test(`status ${status} is ${code}, and is not tried again`, async () => {
    await using pair = await served((_, response) => refuse(response, status, 'MANIFEST_UNKNOWN', 'manifest unknown'));
    await fails(pair.remote.manifest('latest', {}), code, message);
    assert.equal(pair.server.requests.length, 1);
  });
}

test('a registry that is down is said to be so at once', async () => {
  const { server, remote } = await served(() => undefined);
  await server[Symbol.asyncDispose]();
  await assert.rejects(
    remote.manifest('latest', {}),
    (error) => Fault.is(error, 'unavailable') && /nothing listens there/.test(error.hint ?? ''),
  );
});

test('a registry that does not answer is unavailable', async () => {
  await using pair = await served(() => undefined, { timeouts: { answerMs: 20 }, maxAttempts: 2 });
  await fails(pair.remote.manifest('latest', {}), 'unavailable', /no answer from 127.* within 20 ms/);
  assert.equal(pair.server.requests.length, 2);
});

test('a token is fetched for nobody, kept, and renewed when it has run out', async () => {
  let now = 1_000_000;
  await using pair = await served(tokenScript({ expires_in: 300 }), { clock: { now: () => now } });
  const ask = (): Promise<unknown> => pair.remote.manifest('latest', {});
  await ask();
  await ask();
  assert.deepEqual(tokenRequests(pair.server), ['GET /token?service=s%22q&scope=repository%3Aapp%3Apull']);
  assert.equal(pair.server.requests.length, 4);
  now += 300_000;
  await ask();
  assert.equal(tokenRequests(pair.server).length, 2);
});

test('many who need a token at the same time share one', async () => {
  await using pair = await served(tokenScript({}));
  await Promise.all(Array.from({ length: 8 }, () => pair.remote.manifest('latest', {})));
  assert.equal(tokenRequests(pair.server).length, 1);
});

test('challenges, tokens and redirects use one connection', async () => {
  await using pair = await served((request, response, count) => {
    if (request.line.endsWith('latest') && request.headers.authorization === 'Bearer tok') {
      return send(response, 307, 'moved', { location: '/there' });
    }
    return request.line.endsWith('/there') ? sendManifest(response) : tokenScript({})(request, response, count);
  });
  await pair.remote.manifest('latest', {});
  assert.equal(pair.server.requests.length, 4);
  assert.equal(pair.server.connections(), 1);
});

test('a proxy is asked where one is set', async () => {
  await using pair = await served((_, response) => sendManifest(response));
  const proxies = { HTTP_PROXY: `http://${pair.server.host}` };
  const insecureRegistries = new Set(['registry.invalid']);
  using client = new RegistryClient({ userAgent: 'varve/test', insecureRegistries, proxies });
  await client.repository(parseReference('registry.invalid/app')).manifest('latest', {});
  assert.equal(pair.server.requests[0]?.line, `GET http://registry.invalid${manifestPath}`);
});

test('a token that is refused is renewed once; a loop of 401 ends', async () => {
  await using pair = await served((request, response) => {
    if (request.line.startsWith('GET /token')) return send(response, 200, '{"token":"t"}');
    return challenge(request, response);
  });
  await fails(pair.remote.manifest('latest', {}), 'unauthenticated', /refused without login/);
  await fails(pair.remote.manifest('latest', {}), 'unauthenticated', /refused without login/);
  assert.equal(pair.server.requests.length, 6);
});

test('credentials are sent to the token server of the registry they are kept for, and in no message', async () => {
  const asked: string[] = [];
  const credentials = (registry: string): Promise<{ readonly username: string; readonly password: string }> => {
    asked.push(registry);
    return Promise.resolve({ username: 'user', password: 'geheim' });
  };
  await using pair = await served(
    (request, response, count) => {
      if (count === 2) return refuse(response, 403, 'DENIED', 'no');
      return tokenScript({})(request, response, count);
    },
    { credentials },
  );
  await assert.rejects(pair.remote.manifest('latest', {}), (error) => !/geheim|Z2VoZWlt/.test(String(error)));
  const token = pair.server.requests.find(({ line }) => line.startsWith('GET /token'));
  assert.equal(token?.headers.authorization, `Basic ${Buffer.from('user:geheim').toString('base64')}`);
  assert.deepEqual(asked, [pair.server.host]);
});

test('basic authentication is used where the registry asks for it, and needs credentials', async () => {
  await using pair = await served(basicScript, {
    credentials: () => Promise.resolve({ username: 'a', password: 'b' }),
  });
  await pair.remote.manifest('latest', {});
  await pair.remote.manifest('latest', {});
  assert.equal(pair.server.requests.length, 3);
  await using nobody = await served(basicScript);
  await fails(nobody.remote.manifest('latest', {}), 'unauthenticated', /wants a user name and a password/);
});

test('a token server that is not safe, or gives no token, is refused', async () => {
  const realms = ['ftp://x/token', 'nonsense', 'HERE'];
  await using pair = await served((request, response) => {
    if (request.line.startsWith('GET /token')) return send(response, 200, '{"token":"a\\nb"}');
    const realm = realms.shift();
    const here = `http://${request.headers.host}/token`;
    return send(response, 401, '', { 'www-authenticate': `Bearer realm="${realm === 'HERE' ? here : realm}"` });
  });
  await fails(pair.remote.manifest('latest', {}), 'unavailable', /no safe token server: "ftp:/);
  await fails(pair.remote.manifest('latest', {}), 'unavailable', /no safe token server: "nonsense"/);
  await fails(pair.remote.manifest('latest', {}), 'unavailable', /there is no token in the answer/);
});

test('a redirect to another host gets no credentials', async () => {
  await using other = await scriptedServer((_, response) => send(response, 200, content));
  await using pair = await served(
    (request, response) => {
      if (request.headers.authorization === undefined) return send(response, 401, '', { 'www-authenticate': 'Basic' });
      return send(response, 307, '', { location: `http://user:pass@${other.host}/cdn` });
    },
    { credentials: () => Promise.resolve({ username: 'a', password: 'b' }) },
  );
  assert.deepEqual(await download(pair.remote), content);
  assert.equal(pair.server.requests[1]?.headers.authorization, 'Basic YTpi');
  assert.deepEqual(
    other.requests.map(({ line, headers }) => [line, headers.authorization]),
    [['GET /cdn', undefined]],
  );
});

test('a redirect within the registry keeps them, and redirects without end are given up', async () => {
  await using pair = await served((request, response) => {
    if (request.line.endsWith('/there')) return send(response, 200, content);
    return send(response, 302, '', { location: '/there' });
  });
  assert.deepEqual(await download(pair.remote), content);
  await using loop = await served((_, response) => send(response, 302, '', { location: '/x' }), { maxAttempts: 1 });
  await fails(loop.remote.manifest('latest', {}), 'unavailable', /redirects more than 5 times/);
  await using nonsense = await served((_, response) => send(response, 302, '', { location: 'file:///etc/passwd' }), {
    maxAttempts: 1,
  });
  await fails(nonsense.remote.manifest('latest', {}), 'unavailable', /no web address/);
});

test('a partial download resumes by Range where it was cut', async () => {
  await using pair = await served((request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = content.subarray(start);
    if (rest.length < 100_000) return sendRange(response, rest, start);
    return cutAfter(response, rest, 100_000, rangeHead(start));
  });
  assert.deepEqual(await download(pair.remote), content);
  const starts = pair.server.requests.map(({ headers }) => headers.range);
  assert.deepEqual(starts, [undefined, 'bytes=100000-', 'bytes=200000-', 'bytes=300000-'].slice(0, starts.length));
  assert.ok(starts.length >= 3);
});

test('a server that passes over Range, or cuts early, costs bytes but never wrong ones', async () => {
  await using pair = await served((_, response, count) => {
    if (count === 1) return cutAfter(response, content, 150_000);
    return send(response, 200, content);
  });
  assert.deepEqual(await download(pair.remote), content);
  const rest = await readAll(pair.remote.blob(blob, { offsetBytes: 1000 }), content.length);
  assert.deepEqual(Buffer.from(rest), content.subarray(1000));
});

test('twenty downloads with one signal leave no warning', async () => {
  const warnings: string[] = [];
  const note = ({ message }: Error): number => warnings.push(message);
  process.on('warning', note);
  await using pair = await served((_, response) => send(response, 200, content));
  const { signal } = new AbortController();
  const downloads = Array.from({ length: 20 }, () => readAll(pair.remote.blob(blob, { signal }), content.length));
  await Promise.all(downloads);
  process.off('warning', note);
  assert.deepEqual(warnings, []);
});

test('a download that is cut again and again without progress is given up', async () => {
  await using pair = await served((_, response) => cutAfter(response, content, 10));
  await fails(download(pair.remote), 'unavailable', /blob sha256:.*: 127.*: the connection was cut/);
  assert.equal(pair.server.requests.length, 5);
});

test('a blob that is too short, too long or with a wrong digest is refused', async () => {
  const bodies = [Buffer.concat([content, content]), Buffer.alloc(content.length)];
  await using pair = await served((_, response, count) =>
    send(response, 200, bodies[count - 1] ?? content.subarray(1)),
  );
  await fails(download(pair.remote), 'corrupt', /more than its 300000 bytes were sent/);
  await fails(download(pair.remote), 'corrupt', /what was sent is sha256:.* of 300000 bytes/);
  await fails(download(pair.remote), 'unavailable', /only 299999 of its 300000 bytes were sent/);
});

test('a config over its limit is not even asked for', async () => {
  await using pair = await served((_, response) => send(response, 200, content));
  await fails(readBlob(pair.remote, blob, { limitBytes: 1000 }), 'exhausted', /over the limit of 1000/);
  assert.equal(pair.server.requests.length, 0);
});

test('a transfer that stalls, or drips, is given up', async () => {
  const timeouts = { stallMs: 30, minBytes: 1000 };
  await using pair = await served((_, response) => void response.writeHead(200).write('x'), {
    timeouts,
    maxAttempts: 1,
  });
  await fails(download(pair.remote), 'unavailable', /the transfer has stalled: \d+ bytes from 127/);
  await using drips = await served(dripping, { timeouts, maxAttempts: 1 });
  await fails(download(drips.remote), 'unavailable', /the transfer has stalled: \d+ bytes from 127/);
});

test('a slow reader is no stall', async () => {
  const timeouts = { stallMs: 50, minBytes: 1_000_000 };
  await using pair = await served((_, response) => send(response, 200, content), { timeouts, maxAttempts: 1 });
  let received = 0;
  for await (const chunk of pair.remote.blob(blob, {})) {
    received += chunk.length;
    if (received === chunk.length) await new Promise((resolve) => setTimeout(resolve, 120));
  }
  assert.equal(received, content.length);
});

test('compressed transfer is not undone: digests name what is stored', async () => {
  await using pair = await served((request, response) => {
    assert.equal(request.headers['accept-encoding'], 'identity');
    return send(response, 200, content, { 'content-encoding': 'gzip' });
  });
  assert.deepEqual(await download(pair.remote), content);
});

test('a pull that is cancelled ends as cancelled, before, while asking and while reading', async () => {
  await using pair = await served((request, response) => {
    if (request.line.endsWith('latest')) return;
    response.writeHead(200).write(content.subarray(0, 1000));
  });
  await fails(
    pair.remote.manifest('latest', { signal: AbortSignal.abort() }),
    'cancelled',
    /manifest latest: cancelled/,
  );
  const asking = new AbortController();
  const answer = pair.remote.manifest('latest', { signal: asking.signal });
  setImmediate(() => asking.abort());
  await fails(answer, 'cancelled', /cancelled/);
  const reading = new AbortController();
  const chunks = pair.remote.blob(blob, { signal: reading.signal })[Symbol.asyncIterator]();
  await chunks.next();
  reading.abort();
  await fails(chunks.next(), 'cancelled', /cancelled/);
});

test('an index is followed to the image of the platform, and its word is checked', async () => {
  const index = sampleIndex([image]);
  await using pair = await served((request, response) => {
    if (request.line.endsWith(image.descriptor.digest)) return sendManifest(response);
    return send(response, 200, encodeManifest(index.manifest), { 'content-type': mediaTypes.ociIndex });
  });
  const found = await resolveImage(pair.remote, 'latest', { platform: linux });
  assert.equal(found.target.digest, index.descriptor.digest);
  assert.deepEqual(found.descriptor, image.descriptor);
});

test('an index that nests too deeply is refused', async () => {
  const layers: Uint8Array[] = [encodeManifest(sampleIndex([image]).manifest)];
  for (let depth = 0; depth < 6; depth++) {
    const inner = layers.at(-1) ?? manifestBytes;
    const child = { mediaType: mediaTypes.ociIndex, digest: digestOf(inner), size: inner.length };
    layers.push(encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests: [child] }));
  }
  await using pair = await served((request, response) => {
    const bytes = layers.find((each) => request.line.endsWith(digestOf(each))) ?? layers.at(-1);
    return send(response, 200, bytes, { 'content-type': mediaTypes.ociIndex });
  });
  await fails(resolveImage(pair.remote, 'latest', { platform: linux }), 'invalid', /nested too deeply/);
});

interface Pair extends AsyncDisposable {
  readonly server: ScriptedServer;
  readonly remote: Remote;
  /** What was waited between tries, in ms. No test waits itself. */
  readonly waits: readonly number[];
}

async function served(script: Script, options: Partial<RegistryClientOptions> = {}): Promise<Pair> {
  const server = await scriptedServer(script);
  const waits: number[] = [];
  const sleep = (delayMs: number): Promise<void> => {
    waits.push(delayMs);
    return Promise.resolve();
  };
  const client = new RegistryClient({ userAgent: 'varve/test', sleep, ...options });
  const close = async (): Promise<void> => {
    client[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  };
  return {
    server,
    waits,
    remote: client.repository(parseReference(`${server.host}/app`)),
    [Symbol.asyncDispose]: close,
  };
}

async function download(remote: Remote): Promise<Buffer> {
  return Buffer.from(await readAll(verifiedBlob(remote, blob, {}), 2 * content.length));
}

function fails(work: Promise<unknown>, code: FaultCode, message: RegExp): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof Fault, String(error));
    assert.match(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

function sendManifest(response: ServerResponse, headers: Readonly<Record<string, string>> = {}): void {
  send(response, 200, manifestBytes, { 'content-type': mediaTypes.ociManifest, ...headers });
}

function sendRange(response: ServerResponse, bytes: Uint8Array, start: number): void {
  response.writeHead(start === 0 ? 200 : 206, rangeHead(start)).end(bytes);
}

function rangeHead(start: number): Readonly<Record<string, string>> {
  return start === 0 ? {} : { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
}

/** Announces all of `bytes`, sends `count` of them and hangs up. */
function cutAfter(
  response: ServerResponse,
  bytes: Uint8Array,
  count: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  const status = Object.keys(headers).length === 0 ? 200 : 206;
  response.writeHead(status, { 'content-length': String(bytes.length), ...headers });
  response.write(bytes.subarray(0, count), () => response.socket?.end());
}

async function dripping(_: RecordedRequest, response: ServerResponse): Promise<void> {
  response.writeHead(200);
  while (!response.destroyed) {
    response.write('x');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function challenge(request: RecordedRequest, response: ServerResponse): void {
  const realm = `http://${request.headers.host}/token`;
  const header = `Bearer realm="${realm}",service="s\\"q",scope="repository:app:pull"`;
  send(response, 401, '', { 'www-authenticate': header });
}

function tokenScript(answer: Readonly<Record<string, unknown>>): Script {
  return (request, response) => {
    if (request.line.startsWith('GET /token')) return send(response, 200, JSON.stringify({ token: 'tok', ...answer }));
    if (request.headers.authorization === 'Bearer tok') return sendManifest(response);
    return challenge(request, response);
  };
}

function basicScript(request: RecordedRequest, response: ServerResponse): void {
  if (request.headers.authorization === 'Basic YTpi') return sendManifest(response);
  return send(response, 401, '', { 'www-authenticate': 'Basic realm="x"' });
}

function tokenRequests(server: ScriptedServer): readonly string[] {
  return server.requests.map(({ line }) => line).filter((line) => line.startsWith('GET /token'));
}
