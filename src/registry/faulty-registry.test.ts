import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { refuse, scriptedServer, send } from '../http/scripted-server.fixture.ts';
import { digestOf, encodeManifest, mediaTypes } from '../oci/index.ts';
import type { BlobContent } from './remote-target.ts';
import { servedTarget, uploadServer } from './upload-server.fixture.ts';

const small = contentOf(Buffer.from('small'));
const large = contentOf(Buffer.alloc(3_000_000, 'layer upon layer '));
const manifest = encodeManifest({
  kind: 'image',
  mediaType: mediaTypes.ociManifest,
  config: { ...small.descriptor, mediaType: mediaTypes.ociConfig },
  layers: [],
});
const mediaType = mediaTypes.ociManifest;

test('an upload that is cut goes on where it was: the registry is asked how much arrived', async () => {
  const uploads = uploadServer({ cutAt: [1_000_000, 2_000_000] });
  await using pair = await servedTarget(uploads.script);
  await pair.target.putBlob(large, {});
  assert.equal(uploads.digest(), large.descriptor.digest);
  const patches = pair.requests().filter(({ line }) => line.startsWith('PATCH'));
  assert.equal(patches.length, 3);
  assert.equal(patches[0]?.headers['content-range'], undefined);
  assert.match(patches[1]?.headers['content-range'] ?? '', /^\d+-2999999$/);
  assert.equal(pair.requests().filter(({ line }) => line.startsWith('POST')).length, 1);
});

test('a registry that forgot the upload gets the blob from the beginning', async () => {
  const uploads = uploadServer({ cutAt: [1_000_000], forgets: true });
  await using pair = await servedTarget(uploads.script);
  await pair.target.putBlob(large, {});
  assert.equal(uploads.digest(), large.descriptor.digest);
  assert.equal(pair.requests().filter(({ line }) => line.startsWith('POST')).length, 2);
});

test('an upload that is cut again and again without progress is given up', async () => {
  const uploads = uploadServer({ cutAt: Array.from({ length: 20 }, () => 0) });
  await using pair = await servedTarget(uploads.script);
  await fails(pair.target.putBlob(large, {}), 'unavailable', /upload blob sha256:/);
  assert.equal(pair.requests().filter(({ line }) => line.startsWith('PATCH')).length, 5);
});

test('500 on every third request is no obstacle', async () => {
  let count = 0;
  const uploads = uploadServer({});
  await using pair = await servedTarget((request, response, nth) => {
    if (++count % 3 !== 0) return uploads.script(request, response, nth);
    request.body.resume();
    return send(response, 500, 'oops');
  });
  for (const content of [small, large]) {
    assert.equal(await pair.target.hasBlob(content.descriptor, {}), false);
    await pair.target.putBlob(content, {});
    assert.equal(uploads.digest(), content.descriptor.digest);
  }
  await pair.target.putManifest(manifest, { mediaType, tag: 'x' });
});

test('429 during an upload waits as long as Retry-After says, and gives up where that is too long', async () => {
  for (const [seconds, isPatient] of [
    ['3', true],
    ['3600', false],
  ] as const) {
    const uploads = uploadServer({});
    await using pair = await servedTarget((request, response, nth) => {
      if (!request.line.startsWith('PATCH') || nth > 1) return uploads.script(request, response, nth);
      request.body.resume();
      return send(response, 429, '', { 'retry-after': seconds });
    });
    if (!isPatient) await fails(pair.target.putBlob(large, {}), 'unavailable', /too many requests/);
    else await pair.target.putBlob(large, {});
    assert.equal(pair.waits.includes(3000), isPatient);
  }
});

test('a registry that takes nothing is given up', async () => {
  const begun = uploadServer({});
  await using pair = await servedTarget(
    (request, response, nth) => (request.line.startsWith('PATCH') ? undefined : begun.script(request, response, nth)),
    { timeouts: { stallMs: 50, answerMs: 50 }, maxAttempts: 2 },
  );
  const huge = { ...large, descriptor: { ...large.descriptor, size: 200_000_000 }, open: () => zeros(200) };
  await fails(pair.target.putBlob(huge, {}), 'unavailable', /took nothing in 50 ms/);
});

test('a 401 in the middle of an upload ends: the token is renewed once', async () => {
  await using pair = await servedTarget((request, response) => {
    request.body.resume();
    if (request.line.startsWith('GET /token')) return send(response, 200, '{"token":"t"}');
    return send(response, 401, '', { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` });
  });
  await fails(pair.target.putBlob(large, {}), 'unauthenticated', /refused without login/);
  assert.equal(pair.requests().length, 3);
});

test('a push asks for a token to pull and push; a mount for the other repository as well', async () => {
  await using pair = await servedTarget((request, response) => {
    request.body.resume();
    if (request.line.startsWith('GET /token')) return send(response, 200, '{"token":"t"}');
    if (request.headers.authorization === 'Bearer t')
      return send(response, request.line.includes('mount=') ? 201 : 200);
    const header = `Bearer realm="http://${request.headers.host}/token",service="s",scope="repository:app:pull"`;
    return send(response, 401, '', { 'www-authenticate': header });
  });
  await pair.target.hasBlob(small.descriptor, {});
  assert.equal(await pair.target.mountBlob(small.descriptor, `${pair.host}/base/x`, {}), true);
  const tokens = pair
    .requests()
    .map(({ line }) => line)
    .filter((line) => line.startsWith('GET /token'));
  assert.deepEqual(
    tokens.map((line) => new URL(line.slice(4), 'http://x').searchParams.getAll('scope')),
    [['repository:app:pull,push'], ['repository:app:pull,push', 'repository:base/x:pull']],
  );
});

test('an identity token is sent to the token server as a refresh token, and on no redirect', async () => {
  await using other = await scriptedServer((_, response) => send(response, 200, '{"token":"stolen"}'));
  for (const status of [200, 307]) {
    let form = '';
    await using pair = await servedTarget(
      async (request, response) => {
        if (!request.line.startsWith('POST /token')) {
          const isKnown = request.headers.authorization === 'Bearer t';
          const header = `Bearer realm="http://${request.headers.host}/token",service="s"`;
          return send(response, isKnown ? 200 : 401, '', { 'www-authenticate': header });
        }
        for await (const chunk of request.body) form += String(chunk);
        return send(response, status, '{"access_token":"t"}', { location: `http://${other.host}/token` });
      },
      { credentials: async () => ({ identityToken: 'refresh' }) },
    );
    if (status === 200) assert.equal(await pair.target.hasBlob(small.descriptor, {}), true);
    else await assert.rejects(pair.target.hasBlob(small.descriptor, {}), (error) => !/refresh/.test(String(error)));
    assert.match(
      form,
      /grant_type=refresh_token.*&refresh_token=refresh&service=s&scope=repository%3Aapp%3Apull%2Cpush/,
    );
  }
  assert.equal(other.requests.length, 0);
});

test('an upload that goes on at another host takes no credentials there', async () => {
  const uploads = uploadServer({});
  await using other = await scriptedServer(uploads.script);
  await using pair = await servedTarget(
    (request, response) => {
      request.body.resume();
      if (request.headers.authorization === undefined) return send(response, 401, '', { 'www-authenticate': 'Basic' });
      return send(response, 202, '', { location: `http://user:pass@${other.host}/upload/0` });
    },
    { credentials: async () => ({ username: 'a', password: 'b' }) },
  );
  await pair.target.putBlob(large, {});
  assert.equal(uploads.digest(), large.descriptor.digest);
  assert.ok(other.requests.every(({ headers }) => headers.authorization === undefined));
  assert.ok(pair.requests().some(({ headers }) => headers.authorization !== undefined));
});

test("a manifest that the registry stores as another is corrupt, and refusals have the registry's words", async () => {
  await using liar = await servedTarget((request, response) => {
    request.body.resume();
    return send(response, 201, '', { 'docker-content-digest': digestOf('other') });
  });
  await fails(liar.target.putManifest(manifest, { mediaType }), 'corrupt', /stored it as sha256:/);
  await using strict = await servedTarget((request, response) => {
    request.body.resume();
    return refuse(response, 400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry');
  });
  await fails(strict.target.putManifest(manifest, { mediaType }), 'invalid', /put manifest .*blob unknown to registry/);
  await using denied = await servedTarget((request, response) => {
    request.body.resume();
    return refuse(response, 403, 'DENIED', 'read only');
  });
  await fails(denied.target.putBlob(small, {}), 'denied', /read only/);
});

test('an upload that is cancelled ends as cancelled', async () => {
  const stop = new AbortController();
  await using pair = await servedTarget((request, response) => {
    if (request.line.startsWith('PATCH')) return stop.abort();
    return send(response, 202, '', { location: '/upload/1' });
  });
  await fails(pair.target.putBlob(large, { signal: stop.signal }), 'cancelled', /cancelled/);
});

function fails(work: Promise<unknown>, code: Fault['code'], message: RegExp): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof Fault, String(error));
    assert.match(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

function contentOf(bytes: Buffer): BlobContent {
  return {
    descriptor: { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length },
    open: (offsetBytes) => pieces(bytes.subarray(offsetBytes)),
  };
}

function* pieces(bytes: Buffer): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

function* zeros(mebibytes: number): Generator<Uint8Array> {
  for (let piece = 0; piece < mebibytes; piece++) yield Buffer.alloc(1_000_000);
}
