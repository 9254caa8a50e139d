import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { send } from '../http/scripted-server.fixture.ts';
import { digestOf, parseReference } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import { dockerRegistryMissing, startDockerRegistry } from './docker-registry.fixture.ts';
import { RegistryClient } from './registry-client.ts';
import type { GrowingContent } from './remote-target.ts';
import { servedTarget, uploadServer } from './upload-server.fixture.ts';

const bytes = Buffer.alloc(3_000_000, 'layer upon layer ');
const digest = digestOf(bytes);

test('what grows is sent in one stream of unknown length, ended by its digest', async () => {
  const uploads = uploadServer({});
  await using pair = await servedTarget(uploads.script);
  const progress: number[] = [];
  await pair.target.putGrowingBlob?.(growing(), { onProgress: (doneBytes) => progress.push(doneBytes) });
  assert.equal(uploads.digest(), digest);
  const [begun, sent, ended, ...others] = pair.requests();
  assert.match(begun?.line ?? '', /^POST /);
  assert.match(sent?.line ?? '', /^PATCH /);
  assert.equal(sent?.headers['transfer-encoding'], 'chunked');
  assert.match(ended?.line ?? '', new RegExp(`^PUT .*digest=${digest.replace(':', '%3A')}`));
  assert.deepEqual(others, []);
  assert.equal(progress.at(-1), bytes.length);
});

test('a stream that is cut while it grows waits until the blob is whole, and goes on where it was', async () => {
  const uploads = uploadServer({ cutAt: [1_000_000, 2_000_000] });
  await using pair = await servedTarget(uploads.script);
  await pair.target.putGrowingBlob?.(growing(), {});
  assert.equal(uploads.digest(), digest);
  const patches = pair.requests().filter(({ line }) => line.startsWith('PATCH'));
  assert.deepEqual(
    patches.map(({ headers }) => /^\d+-2999999$/.test(headers['content-range'] ?? '')),
    [false, true, true],
  );
});

test('a registry that forgot the cut stream gets the blob from the beginning', async () => {
  const uploads = uploadServer({ cutAt: [1_000_000], forgets: true });
  await using pair = await servedTarget(uploads.script);
  await pair.target.putGrowingBlob?.(growing(), {});
  assert.equal(uploads.digest(), digest);
});

test('a registry that wants to know the length first gets it, when it is known', async () => {
  const uploads = uploadServer({});
  await using pair = await servedTarget((request, response, count) => {
    if (request.headers['transfer-encoding'] === undefined) return uploads.script(request, response, count);
    request.body.resume();
    return send(response, 411);
  });
  await pair.target.putGrowingBlob?.(growing(), {});
  assert.equal(uploads.digest(), digest);
  const lengths = pair.requests().map(({ headers }) => headers['content-length']);
  assert.ok(lengths.includes(String(bytes.length)));
});

test('what is never whole is never ended: the upload fails for that reason', async () => {
  const uploads = uploadServer({});
  await using pair = await servedTarget(uploads.script);
  const fault = new Fault('exhausted', 'the disk is full');
  const descriptor = Promise.reject(fault);
  descriptor.catch(() => undefined);
  const failing: GrowingContent = {
    descriptor,
    async *open() {
      yield bytes.subarray(0, 100_000);
      await setImmediate();
      throw fault;
    },
  };
  await assert.rejects(pair.target.putGrowingBlob?.(failing, {}) ?? Promise.resolve(), /the disk is full/);
  assert.ok(pair.requests().every(({ line }) => !line.startsWith('PUT')));
});

test('an upload of what grows is cancelled like any other', async () => {
  const stop = new AbortController();
  const uploads = uploadServer({});
  await using pair = await servedTarget(uploads.script);
  const options = { signal: stop.signal, onProgress: () => stop.abort() };
  await assert.rejects(pair.target.putGrowingBlob?.(growing(), options) ?? Promise.resolve(), (error) =>
    Fault.is(error, 'cancelled'),
  );
});

test('distribution takes what grows', { skip: dockerRegistryMissing }, async () => {
  await using registry = await startDockerRegistry();
  using client = new RegistryClient({ userAgent: 'varve/test' });
  const target = client.target(parseReference(`${registry.host}/a`));
  const content = growing();
  await target.putGrowingBlob?.(content, {});
  const back = await readAll(target.blob(await content.descriptor, {}), 1 << 24);
  assert.equal(digestOf(back), digest);
});

/** Its descriptor is known when the first who reads it has ended. */
function growing(): GrowingContent {
  const whole = Promise.withResolvers<Awaited<GrowingContent['descriptor']>>();
  return {
    descriptor: whole.promise,
    async *open(offsetBytes) {
      try {
        for (let start = offsetBytes; start < bytes.length; start += 65_536) {
          await setImmediate();
          yield bytes.subarray(start, start + 65_536);
        }
      } finally {
        whole.resolve({ mediaType: 'application/octet-stream', digest, size: bytes.length });
      }
    },
  };
}
