/**
 * What the conformance program of the distribution specification 1.1 asks of a registry, over HTTP: its four parts (pull, push,
 * content discovery, content management) in its order of checks.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { digestOf, mediaTypes } from '../oci/index.ts';
import { describe, testRegistry, type Received, type TestRegistry } from './registry.fixture.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const name = 'conformance/one';

/** As the program makes it: its layer is no tar, its config names none. */
async function somePushed(registry: TestRegistry, more: object = {}): Promise<object> {
  const config = await registry.push(
    name,
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        author: randomBytes(8).toString('hex'),
        rootfs: { type: 'layers', diff_ids: [] },
      }),
    ),
    mediaTypes.ociConfig,
  );
  const layer = await registry.push(name, randomBytes(512), mediaTypes.ociLayerGzip);
  return { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer], ...more };
}

function artifact(type: string, blob: object, subject?: object): object {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: type,
    config: { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 },
    layers: [blob],
    ...(subject === undefined ? {} : { subject }),
    annotations: { 'org.example.note': type },
  };
}

function location(answer: Received): string {
  const place = answer.header('location') ?? '';
  assert.notEqual(place, '');
  return place;
}

test('pull: what is not there is 404, what is there comes by tag and digest, whole and by HEAD', { skip }, async () => {
  await using registry = await testRegistry();
  const { send } = registry;
  assert.equal((await send('GET', '/v2/')).status, 200);
  assert.equal((await send('HEAD', `/v2/${name}/blobs/${digestOf('no')}`)).status, 404);
  assert.equal((await send('GET', `/v2/${name}/blobs/${digestOf('no')}`)).code(), 'BLOB_UNKNOWN');
  assert.equal((await send('HEAD', `/v2/${name}/manifests/.INVALID_MANIFEST_NAME`)).status, 404);
  assert.equal((await send('GET', `/v2/${name}/manifests/nothere`)).code(), 'MANIFEST_UNKNOWN');
  assert.equal((await send('GET', `/v2/${name}/manifests/sha256:baddigeststring`)).status, 400);

  const manifest = await somePushed(registry);
  const { digest, size, mediaType } = describe(manifest);
  assert.equal((await registry.put(name, 'tagtest0', manifest)).status, 201);
  for (const reference of ['tagtest0', digest]) {
    const head = await send('HEAD', `/v2/${name}/manifests/${reference}`, { headers: { accept: mediaType } });
    const get = await send('GET', `/v2/${name}/manifests/${reference}`, { headers: { accept: mediaType } });
    for (const answer of [head, get]) {
      assert.equal(answer.status, 200);
      assert.equal(answer.header('docker-content-digest'), digest);
      assert.equal(answer.header('content-type'), mediaType);
      assert.equal(answer.header('content-length'), String(size));
    }
    assert.deepEqual(get.json(), manifest);
  }
  const [blob] = (manifest as { layers: { digest: string; size: number }[] }).layers;
  const head = await send('HEAD', `/v2/${name}/blobs/${blob?.digest}`);
  assert.deepEqual([head.status, head.header('content-length')], [200, '512']);
  const whole = await send('GET', `/v2/${name}/blobs/${blob?.digest}`);
  assert.equal(digestOf(whole.bytes), blob?.digest);
});

test('push: streamed, in one request, in two, in chunks; out of order is 416', { skip }, async () => {
  await using registry = await testRegistry();
  const { send } = registry;
  const begin = async (): Promise<string> => {
    const answer = await send('POST', `/v2/${name}/blobs/uploads/`);
    assert.equal(answer.status, 202);
    return location(answer);
  };
  const isThere = async (bytes: Buffer): Promise<void> => {
    const got = await send('GET', `/v2/${name}/blobs/${digestOf(bytes)}`);
    assert.equal(got.status, 200);
    assert.deepEqual(got.bytes, bytes);
  };

  const streamed = randomBytes(3000);
  const patched = await send('PATCH', await begin(), { body: streamed });
  assert.equal(patched.status, 202);
  assert.equal((await send('PUT', `${location(patched)}?digest=${digestOf(streamed)}`)).status, 201);
  await isThere(streamed);

  const single = randomBytes(100);
  const posted = await send('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(single)}`, { body: single });
  assert.equal(posted.status, 201);
  assert.equal((await send('GET', location(posted))).status, 200);

  const two = randomBytes(100);
  assert.equal((await send('PUT', `${await begin()}?digest=${digestOf(two)}`, { body: two })).status, 201);
  await isThere(two);

  const chunked = randomBytes(30);
  const place = await begin();
  const early = await send('PATCH', place, { body: chunked.subarray(10, 20), headers: { 'content-range': '10-19' } });
  assert.equal(early.status, 416);
  assert.equal(location(early), place);
  const first = await send('PATCH', place, { body: chunked.subarray(0, 10), headers: { 'content-range': '0-9' } });
  assert.deepEqual([first.status, first.header('range')], [202, '0-9']);
  const again = await send('PATCH', place, { body: chunked.subarray(0, 10), headers: { 'content-range': '0-9' } });
  assert.equal(again.status, 416);
  const status = await send('GET', place);
  assert.deepEqual([status.status, status.header('range'), status.header('location')], [204, '0-9', place]);
  const wrong = `${place}?digest=${digestOf(chunked)}`;
  const misplaced = await send('PUT', wrong, { body: chunked.subarray(20), headers: { 'content-range': '20-29' } });
  assert.equal(misplaced.status, 416);
  await send('PATCH', place, { body: chunked.subarray(10, 20), headers: { 'content-range': '10-19' } });
  const last = await send('PUT', wrong, { body: chunked.subarray(20), headers: { 'content-range': '20-29' } });
  assert.equal(last.status, 201);
  await isThere(chunked);
});

test('push: wrong digests are refused, an upload can be cancelled, an unknown one is 404', { skip }, async () => {
  await using registry = await testRegistry();
  const { send } = registry;
  const begin = async (): Promise<string> => location(await send('POST', `/v2/${name}/blobs/uploads/`));
  for (const bad of [digestOf('other'), 'sha256:baddigeststring', '']) {
    const answer = await send('PUT', `${await begin()}?digest=${bad}`, { body: 'content' });
    assert.deepEqual([answer.status, answer.code()], [400, 'DIGEST_INVALID'], bad);
  }
  const posted = await send('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf('other')}`, { body: 'content' });
  assert.equal(posted.code(), 'DIGEST_INVALID');
  const place = await begin();
  assert.equal((await send('DELETE', place)).status, 204);
  assert.equal((await send('GET', place)).code(), 'BLOB_UPLOAD_UNKNOWN');
});

test('push: sha512, the empty blob, and mounts of what is there and what is not', { skip }, async () => {
  await using registry = await testRegistry();
  const { send } = registry;
  const { createHash } = await import('node:crypto');
  const sha512 = `sha512:${createHash('sha512').update('content').digest('hex')}`;
  assert.equal((await send('POST', `/v2/${name}/blobs/uploads/?digest=${sha512}`, { body: 'content' })).status, 201);
  assert.equal((await send('GET', `/v2/${name}/blobs/${sha512}`)).bytes.toString(), 'content');
  const { digest } = await registry.push(name, Buffer.alloc(0));
  const empty = await send('GET', `/v2/${name}/blobs/${digest}`);
  assert.deepEqual([empty.status, empty.bytes.length], [200, 0]);

  const blob = await registry.push('conformance/two', randomBytes(100));
  const mounted = await send('POST', `/v2/${name}/blobs/uploads/?mount=${blob.digest}&from=conformance/two`);
  assert.deepEqual([mounted.status, location(mounted)], [201, `/v2/${name}/blobs/${blob.digest}`]);
  assert.equal((await send('POST', `/v2/${name}/blobs/uploads/?mount=${blob.digest}`)).status, 201);
  const missing = await send('POST', `/v2/${name}/blobs/uploads/?mount=${digestOf('no')}&from=conformance/two`);
  assert.equal(missing.status, 202);
  assert.match(location(missing), /\/blobs\/uploads\//);
});

test(
  'push of manifests: by tag, by digest, with tags; broken ones and ones of unknown blobs are refused',
  { skip },
  async () => {
    await using registry = await testRegistry();
    const { send, put } = registry;
    const manifest = await somePushed(registry);
    const { digest } = describe(manifest);
    const byTag = await put(name, 'test0', manifest);
    assert.deepEqual([byTag.status, byTag.header('docker-content-digest')], [201, digest]);
    assert.equal((await send('GET', location(byTag))).status, 200);
    assert.equal((await put(name, digest, manifest)).status, 201);
    const both = await put(name, `${digest}?tag=a&tag=b`, manifest);
    assert.deepEqual([both.status, both.header('oci-tag')], [201, 'a, b']);
    assert.deepEqual((await send('GET', `/v2/${name}/tags/list`)).json()['tags'], ['a', 'b', 'test0']);

    const other = await put(name, digestOf('other'), manifest);
    assert.deepEqual([other.status, other.code()], [400, 'DIGEST_INVALID']);
    const unknown = await put(name, 'test1', artifact('a/b', { mediaType: 'a/b', digest: digestOf('no'), size: 2 }));
    assert.deepEqual([unknown.status, unknown.code()], [404, 'MANIFEST_BLOB_UNKNOWN']);
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [{ ...describe(manifest), size: 1 }] };
    assert.equal((await put(name, 'test1', index)).code(), 'MANIFEST_INVALID');
    for (const body of ['', '{', '[]', '{"schemaVersion":2}', '{"schemaVersion":1}']) {
      const headers = { 'content-type': mediaTypes.ociManifest };
      const answer = await send('PUT', `/v2/${name}/manifests/test1`, { body, headers });
      assert.deepEqual([answer.status, answer.code()], [400, 'MANIFEST_INVALID'], body);
    }
    assert.equal((await put(name, '-tag', manifest)).code(), 'TAG_INVALID');
    const lying = await send('PUT', `/v2/${name}/manifests/test1`, {
      body: JSON.stringify(manifest),
      headers: { 'content-type': mediaTypes.ociIndex },
    });
    assert.equal(lying.code(), 'MANIFEST_INVALID');
  },
);

test('push of indexes: of images, of indexes, of nothing, and large manifests', { skip }, async () => {
  await using registry = await testRegistry();
  const { put, send } = registry;
  const manifest = await somePushed(registry, { annotations: { large: 'A'.repeat(3_900_000) } });
  assert.equal((await put(name, describe(manifest).digest, manifest)).status, 201);
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [describe(manifest)] };
  assert.equal((await put(name, describe(index).digest, index)).status, 201);
  const nested = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [describe(index)] };
  assert.equal((await put(name, 'nested', nested)).status, 201);
  const empty = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
  assert.equal((await put(name, 'empty', empty)).status, 201);
  assert.deepEqual((await send('GET', `/v2/${name}/manifests/nested`)).json(), nested);
  const huge = await send('PUT', `/v2/${name}/manifests/huge`, {
    body: JSON.stringify({ ...manifest, annotations: { large: 'A'.repeat(4_300_000) } }),
    headers: { 'content-type': mediaTypes.ociManifest },
  });
  assert.deepEqual([huge.status, huge.code()], [413, 'SIZE_INVALID']);
});

test('content discovery: tags in order, in pages', { skip }, async () => {
  await using registry = await testRegistry();
  const { send, put } = registry;
  assert.equal((await send('GET', '/v2/no/such/tags/list')).code(), 'NAME_UNKNOWN');
  const manifest = await somePushed(registry);
  for (const tag of ['test3', 'test1', 'Test0', 'test2']) await put(name, tag, manifest);
  const all = await send('GET', `/v2/${name}/tags/list`);
  assert.deepEqual(all.json(), { name, tags: ['Test0', 'test1', 'test2', 'test3'] });
  const page = await send('GET', `/v2/${name}/tags/list?n=2`);
  assert.deepEqual(page.json()['tags'], ['Test0', 'test1']);
  const [, next = ''] = /^<(.*)>; rel="next"$/.exec(page.header('link') ?? '') ?? [];
  const last = await send('GET', next);
  assert.deepEqual([last.json()['tags'], last.header('link')], [['test2', 'test3'], null]);
  assert.deepEqual((await send('GET', `/v2/${name}/tags/list?last=test2`)).json()['tags'], ['test3']);
  assert.deepEqual((await send('GET', `/v2/${name}/tags/list?n=0`)).json()['tags'], []);
  assert.equal((await send('GET', `/v2/${name}/tags/list?n=-1`)).status, 400);
  assert.deepEqual((await send('GET', '/v2/_catalog')).json(), { repositories: [name] });
});

test('content discovery: referrers of what is there and what is not, by type', { skip }, async () => {
  await using registry = await testRegistry();
  const { send, put } = registry;
  const subject = await somePushed(registry);
  const missing = describe({ mediaType: mediaTypes.ociManifest, never: 'pushed' });
  await registry.push(name, Buffer.from('{}'));
  const blob = await registry.push(name, randomBytes(64), 'application/x.one');
  const list = async (digest: string, query = ''): Promise<Received> =>
    send('GET', `/v2/${name}/referrers/${digest}${query}`);
  const none = await list(digestOf('no'));
  assert.deepEqual([none.status, none.header('content-type')], [200, mediaTypes.ociIndex]);
  assert.deepEqual(none.json(), { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] });

  const one = artifact('application/x.one', blob, describe(subject));
  const early = await put(name, describe(one).digest, one);
  assert.equal(early.header('oci-subject'), describe(subject).digest);
  await put(name, 'subject', subject);
  registry.at.nowMs += 1000;
  const two = artifact('application/x.two', blob, describe(subject));
  await put(name, describe(two).digest, two);
  const orphan = artifact('application/x.one', blob, missing);
  await put(name, describe(orphan).digest, orphan);

  const both = await list(describe(subject).digest);
  assert.deepEqual(both.json()['manifests'], [
    { ...describe(one), artifactType: 'application/x.one', annotations: { 'org.example.note': 'application/x.one' } },
    { ...describe(two), artifactType: 'application/x.two', annotations: { 'org.example.note': 'application/x.two' } },
  ]);
  const filtered = await list(describe(subject).digest, '?artifactType=application/x.two');
  assert.equal(filtered.header('oci-filters-applied'), 'artifactType');
  assert.equal((filtered.json()['manifests'] as unknown[]).length, 1);
  assert.equal(((await list(missing.digest)).json()['manifests'] as unknown[]).length, 1);
});

test('content management: tags, manifests and blobs are gone once they were deleted', { skip }, async () => {
  await using registry = await testRegistry();
  const { send, put } = registry;
  const manifest = await somePushed(registry);
  const { digest } = describe(manifest);
  for (const tag of ['a', 'b', 'c']) await put(name, tag, manifest);
  assert.equal((await send('DELETE', `/v2/${name}/manifests/a`)).status, 202);
  assert.equal((await send('GET', `/v2/${name}/manifests/a`)).status, 404);
  assert.deepEqual((await send('GET', `/v2/${name}/tags/list`)).json()['tags'], ['b', 'c']);
  const [layer] = (manifest as { layers: { digest: string }[] }).layers;
  const needed = await send('DELETE', `/v2/${name}/blobs/${layer?.digest}`);
  assert.deepEqual([needed.status, needed.code()], [405, 'UNSUPPORTED']);
  assert.equal((await send('DELETE', `/v2/${name}/manifests/${digest}`)).status, 202);
  assert.equal((await send('DELETE', `/v2/${name}/manifests/${digest}`)).status, 404);
  assert.equal((await send('GET', `/v2/${name}/manifests/b`)).status, 404);
  assert.deepEqual((await send('GET', `/v2/${name}/tags/list`)).json(), { name, tags: [] });
  assert.equal((await send('DELETE', `/v2/${name}/blobs/${layer?.digest}`)).status, 202);
  assert.equal((await send('HEAD', `/v2/${name}/blobs/${layer?.digest}`)).status, 404);
});

test('range requests: parts, the end, beyond the end', { skip }, async () => {
  await using registry = await testRegistry();
  const bytes = randomBytes(2048);
  const { digest } = await registry.push(name, bytes);
  const part = (range: string, more: Record<string, string> = {}): Promise<Received> =>
    registry.send('GET', `/v2/${name}/blobs/${digest}`, { headers: { range, ...more } });
  const cases: readonly (readonly [string, number, number])[] = [
    ['bytes=500-1499', 500, 1500],
    ['bytes=500-', 500, 2048],
    ['bytes=-500', 1548, 2048],
    ['bytes=2000-5000', 2000, 2048],
    ['bytes=0-0', 0, 1],
  ];
  for (const [range, start, end] of cases) {
    const answer = await part(range);
    assert.deepEqual([answer.status, answer.header('content-range')], [206, `bytes ${start}-${end - 1}/2048`]);
    assert.deepEqual(answer.bytes, bytes.subarray(start, end));
  }
  for (const range of ['bytes=500-0', 'bytes=5000-10000', 'bytes=2048-']) {
    assert.equal((await part(range)).status, 416, range);
  }
  for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=-']) assert.equal((await part(range)).status, 200, range);
  assert.equal((await part('bytes=0-1', { 'if-range': '"other"' })).status, 200);
  assert.equal((await part('bytes=0-1', { 'if-range': `"${digest}"` })).status, 206);
  const known = await part('bytes=0-1', { 'if-none-match': `"${digest}"` });
  assert.deepEqual([known.status, known.bytes.length], [304, 0]);
});
