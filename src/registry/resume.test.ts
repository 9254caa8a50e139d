/** What a download makes of servers that answer a `Range` in their own way: what is here already is never wrong for it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { scriptedServer, send, type RecordedRequest, type ScriptedServer } from '../http/scripted-server.fixture.ts';
import { digestOf, mediaTypes, parseReference } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import { RegistryClient } from './registry-client.ts';
import { verifiedBlob } from './verified-blob.ts';

const content = randomBytes(400_000);
const blob = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(content), size: content.length };
const offsetBytes = 100_000;

type Answer = (response: ServerResponse, range: string | undefined, count: number) => unknown;

function answers(answer: Answer): Promise<ScriptedServer> {
  const counts = new Map<string, number>();
  return scriptedServer(({ headers }: RecordedRequest, response) => {
    const count = (counts.get('all') ?? 0) + 1;
    counts.set('all', count);
    answer(response, headers.range, count);
  });
}

function clientOf(timeouts: { readonly answerMs?: number; readonly stallMs?: number } = {}): RegistryClient {
  return new RegistryClient({ userAgent: 'varve/test', sleep: () => Promise.resolve(), timeouts });
}

function ranges({ requests }: ScriptedServer): readonly (string | undefined)[] {
  return requests.map(({ headers }) => headers.range);
}

function partFrom(response: ServerResponse, start: number, bytes = content): void {
  send(response, 206, bytes.subarray(start), {
    'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
  });
}

const oddAnswers: readonly (readonly [string, Answer])[] = [
  ['416', (response) => send(response, 416)],
  ['a part from further on', (response) => partFrom(response, 300_000)],
  ['a part from nobody knows where', (response) => send(response, 206, content.subarray(offsetBytes))],
  [
    'a Content-Range that is none',
    (response) => send(response, 206, content.subarray(offsetBytes), { 'content-range': 'bytes */400000' }),
  ],
];
for (const [what, answer] of oddAnswers) {
  test(`where a Range is answered with ${what}, all is asked for, and what is here is passed over`, async () => {
    await using server = await answers((response, range, count) =>
      range === undefined ? send(response, 200, content) : answer(response, range, count),
    );
    using client = clientOf();
    const remote = client.repository(parseReference(`${server.host}/a`));
    const rest = await readAll(remote.blob(blob, { offsetBytes }), content.length);
    assert.deepEqual(Buffer.from(rest), content.subarray(offsetBytes));
    assert.deepEqual(ranges(server), [`bytes=${offsetBytes}-`, undefined]);
  });
}

test('a part that begins before what was asked for is used from where it was asked', async () => {
  await using server = await answers((response) => partFrom(response, 50_000));
  using client = clientOf();
  const remote = client.repository(parseReference(`${server.host}/a`));
  const rest = await readAll(remote.blob(blob, { offsetBytes }), content.length);
  assert.deepEqual(Buffer.from(rest), content.subarray(offsetBytes));
});

test('a server that only has parts where all was asked for is refused', async () => {
  await using server = await answers((response) => partFrom(response, 300_000));
  using client = clientOf();
  const remote = client.repository(parseReference(`${server.host}/a`));
  await assert.rejects(readAll(remote.blob(blob, { offsetBytes }), content.length), (error) =>
    Fault.is(error, 'corrupt'),
  );
  assert.equal(server.requests.length, 2);
});

test('a server that sends parts of its own length is asked on until all is here', async () => {
  await using server = await answers((response, range) => {
    const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0);
    const end = Math.min(start + 70_000, content.length);
    send(response, 206, content.subarray(start, end), {
      'content-range': `bytes ${start}-${end - 1}/${content.length}`,
    });
  });
  using client = clientOf();
  const remote = client.repository(parseReference(`${server.host}/a`));
  assert.deepEqual(Buffer.from(await readAll(verifiedBlob(remote, blob, {}), content.length)), content);
  assert.equal(server.requests.length, 6);
});

test('content that changed while a connection was cut is told by its digest, whatever the ETag says', async () => {
  const other = randomBytes(content.length);
  await using server = await answers((response, range) => {
    if (range !== undefined) return partFrom(response, Number(/\d+/.exec(range)?.[0]), other);
    response.writeHead(200, { 'content-length': content.length, etag: '"first"' });
    return response.write(content.subarray(0, 200_000), () => response.destroy());
  });
  using client = clientOf();
  const remote = client.repository(parseReference(`${server.host}/a`));
  await assert.rejects(readAll(verifiedBlob(remote, blob, {}), content.length), (error) => Fault.is(error, 'corrupt'));
});

test('a connection that dries up without closing is left, and the download goes on at the next', async () => {
  await using server = await answers((response, range) => {
    if (range !== undefined) return partFrom(response, Number(/\d+/.exec(range)?.[0]));
    response.writeHead(200, { 'content-length': content.length });
    return response.write(content.subarray(0, 150_000));
  });
  using client = clientOf({ stallMs: 50 });
  const remote = client.repository(parseReference(`${server.host}/a`));
  assert.deepEqual(Buffer.from(await readAll(verifiedBlob(remote, blob, {}), content.length)), content);
  assert.deepEqual(ranges(server), [undefined, 'bytes=150000-']);
});

test('a server that drips, however often it is asked, is given up, and that is said', async () => {
  await using server = await answers(async (response, range) => {
    const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0);
    response.writeHead(start === 0 ? 200 : 206, {
      'content-length': content.length - start,
      'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
    });
    for (let at = start; !response.destroyed; at++) {
      response.write(content.subarray(at, at + 1));
      await pause(10);
    }
  });
  using client = clientOf({ stallMs: 50 });
  const remote = client.repository(parseReference(`${server.host}/a`));
  await assert.rejects(readAll(remote.blob(blob, {}), content.length), (error) => {
    assert.ok(Fault.is(error, 'unavailable'));
    return /blob sha256:\w+: the transfer has stalled: \d+ bytes from 127\.0\.0\.1:\d+ in 50 ms/.test(error.message);
  });
  assert.equal(server.requests.length, 5);
});

test('of one host at most six blobs are downloaded at once, whoever asks', async () => {
  let [open, most] = [0, 0];
  await using server = await answers(async (response) => {
    open += 1;
    most = Math.max(most, open);
    await pause(20);
    open -= 1;
    send(response, 200, content);
  });
  using one = clientOf();
  using two = clientOf();
  const downloads = Array.from({ length: 20 }, (_, index) => {
    const remote = (index % 2 === 0 ? one : two).repository(parseReference(`${server.host}/a`));
    return readAll(verifiedBlob(remote, blob, {}), content.length);
  });
  await Promise.all(downloads);
  assert.equal(most, 6);
});

test('a place for a download is free again when whoever had it was cancelled in the middle', async () => {
  await using server = await answers((response) => send(response, 200, content));
  using client = clientOf();
  const remote = client.repository(parseReference(`${server.host}/a`));
  for (let round = 0; round < 7; round++) {
    const stop = new AbortController();
    const chunks = remote.blob(blob, { signal: stop.signal })[Symbol.asyncIterator]();
    await chunks.next();
    stop.abort(new Fault('cancelled', 'enough'));
  }
  assert.deepEqual(Buffer.from(await readAll(verifiedBlob(remote, blob, {}), content.length)), content);
});
