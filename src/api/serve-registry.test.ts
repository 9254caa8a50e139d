import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { addImage, addPulledImage, testStore } from '../engine/test-store.fixture.ts';
import { digestOf, mediaTypes, parseDigest, parseReference, toDiffId } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { parsePasswordFile } from './password-file.ts';
import { describe, imageOf, testRegistry } from './registry.fixture.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const never = new AbortController().signal;
/** `htpasswd -nbB ann right` */
const accounts = '# people\nann:$2b$04$9zaogrxSQaG/6fXG3Voac.89shhqK0W9cXTVwqFlZIFQ5Ap1QBHhy\n';

/** The tar of a layer with one file. */
async function tarOf(file: string): Promise<Buffer> {
  await using other = await testStore();
  const [diffId = toDiffId(digestOf(''))] = addImage(other.store, undefined, [file]).chain;
  return readFileSync(other.store.layers.tar(diffId).path);
}

test('an image of the store is served under the names that it has, as people write them', { skip }, async () => {
  await using registry = await testRegistry();
  const { send, at } = registry;
  const image = addImage(at.store, 'app:1', ['a', 'b']);
  at.store.images.tag(image.imageId, parseReference('localhost/team/app:2'));
  at.store.images.tag(image.imageId, parseReference('localhost:5000/own:3'));
  for (const path of [
    'app/manifests/1',
    'library/app/manifests/1',
    'localhost/team/app/manifests/2',
    'own/manifests/3',
  ]) {
    const answer = await send('GET', `/v2/${path}`);
    assert.deepEqual([answer.status, answer.header('docker-content-digest')], [200, image.manifestDigest], path);
  }
  assert.equal((await send('GET', `/v2/app/manifests/${image.manifestDigest}`)).status, 200);
  assert.equal((await send('GET', `/v2/other/manifests/${image.manifestDigest}`)).status, 404);
  assert.deepEqual((await send('GET', '/v2/_catalog')).json()['repositories'], ['app', 'localhost/team/app', 'own']);
  for (const { digest, size } of image.manifest.layers) {
    const blob = await send('GET', `/v2/app/blobs/${digest}`);
    assert.deepEqual([blob.status, blob.bytes.length, digestOf(blob.bytes)], [200, size, digest]);
  }
});

test(
  'a pulled image is served as it came; where a compressed layer was never fetched, with the tar in its place',
  { skip },
  async () => {
    await using registry = await testRegistry();
    const { send, at } = registry;
    const image = addPulledImage(at.store, 'pulled:1', ['a', 'b']);
    const asPulled = await send('GET', '/v2/pulled/manifests/1');
    assert.equal(asPulled.header('docker-content-digest'), image.manifestDigest);
    const [first] = image.manifest.layers;
    at.store.blobs.delete(first?.digest ?? image.imageId);
    const answer = await send('GET', '/v2/pulled/manifests/1');
    const digest = answer.header('docker-content-digest') ?? '';
    assert.notEqual(digest, image.manifestDigest);
    assert.equal(digest, digestOf(answer.bytes));
    assert.equal((await send('GET', `/v2/pulled/manifests/${digest}`)).status, 200);
    const layers = answer.json()['layers'] as { digest: string; mediaType: string }[];
    assert.equal(layers[0]?.digest, image.chain[0]);
    assert.equal(layers[0]?.mediaType, mediaTypes.ociLayer);
    assert.equal(layers[1]?.digest, image.manifest.layers[1]?.digest);
    for (const layer of layers) assert.equal((await send('HEAD', `/v2/pulled/blobs/${layer.digest}`)).status, 200);
  },
);

test(
  'an image that is pushed is one of the store at once, its layers indexed, no tar kept twice',
  { skip },
  async () => {
    await using registry = await testRegistry();
    const { at, put } = registry;
    const tar = await tarOf('pushed');
    for (const layer of [tar, gzipSync(tar)]) {
      const manifest = await imageOf(registry, 'team/app', tar, layer);
      assert.equal((await put('team/app', '1', manifest)).status, 201);
      const image = at.store.images.find('team/app:1');
      assert.equal(image?.manifestDigest, describe(manifest).digest);
      assert.deepEqual(image?.chain, [digestOf(tar)]);
      using tree = at.store.layers.tree(image?.chain ?? []);
      assert.deepEqual(tree.list(bytesOf('dir')), ['pushed']);
    }
    assert.equal(at.store.blobs.stat(digestOf(tar)), undefined);
    assert.equal((await registry.send('GET', `/v2/team/app/blobs/${digestOf(tar)}`)).bytes.length, tar.length);
    const report = await at.engine.system.check({ repair: false, signal: never, onProgress: () => {} });
    assert.deepEqual(report.findings, []);
  },
);

test('of a pushed index this machine runs its member; the index itself is given out again', { skip }, async () => {
  await using registry = await testRegistry();
  const { at, put, send } = registry;
  const manifest = await imageOf(registry, 'multi', await tarOf('multi'));
  const blob = await registry.push('multi', Buffer.from('{"predicate":1}'), 'application/vnd.in-toto+json');
  const attestation = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { ...blob, mediaType: mediaTypes.ociConfig },
    layers: [blob],
  };
  for (const each of [manifest, attestation])
    assert.equal((await put('multi', describe(each).digest, each)).status, 201);
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [
      { ...describe(manifest), platform: { os: 'linux', architecture: 'amd64' } },
      { ...describe(attestation), platform: { os: 'unknown', architecture: 'unknown' } },
    ],
  };
  assert.equal((await put('multi', '1', index)).status, 201);
  assert.equal(at.store.images.find('multi:1')?.manifestDigest, describe(manifest).digest);
  assert.deepEqual((await send('GET', '/v2/multi/manifests/1')).json(), index);
  const older = await send('GET', '/v2/multi/manifests/1', { headers: { accept: mediaTypes.ociManifest } });
  assert.deepEqual(older.json(), manifest);
  const neither = await send('GET', '/v2/multi/manifests/1', { headers: { accept: mediaTypes.dockerManifest } });
  assert.equal(neither.code(), 'MANIFEST_UNKNOWN');

  addImage(at.store, 'multi:1', ['built']);
  const built = await send('GET', '/v2/multi/manifests/1');
  assert.equal(
    built.header('docker-content-digest'),
    at.store.images.find('multi:1')?.manifestDigest,
    'built here since',
  );
});

test('a manifest that calls itself an image and is none is kept, and cannot run', { skip }, async () => {
  await using registry = await testRegistry();
  const manifest = await imageOf(registry, 'lies', await tarOf('lies'), gzipSync('something else'));
  assert.equal((await registry.put('lies', '1', manifest)).status, 201);
  assert.equal(registry.at.store.images.find('lies:1'), undefined);
  assert.deepEqual((await registry.send('GET', '/v2/lies/manifests/1')).json(), manifest);
  assert.ok(registry.log.some((line) => line.includes('is kept, but cannot run')));
});

test('artifacts outlive prune and check; what was deleted does not', { skip }, async () => {
  await using registry = await testRegistry();
  const { at, put } = registry;
  await registry.push('art', Buffer.from('{}'));
  const blob = await registry.push('art', Buffer.from('a signature'), 'application/x.sig');
  const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };
  const base = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [blob] };
  const tagged = { ...base, artifactType: 'application/x.sig' };
  const referrer = { ...base, artifactType: 'application/x.note', subject: describe(tagged) };
  const further = { ...base, artifactType: 'application/x.more', subject: describe(referrer) };
  const untagged = { ...base, artifactType: 'application/x.left' };
  await put('art', 'sig', tagged);
  for (const each of [further, referrer, untagged]) await put('art', describe(each).digest, each);
  await registry.stop();
  const prune = async (all: boolean): Promise<void> =>
    void (await at.engine.system.prune({ all, dryRun: false, signal: never }));
  await prune(false);
  const isThere = (manifest: object): boolean => at.store.blobs.stat(describe(manifest).digest) !== undefined;
  assert.deepEqual([tagged, referrer, further, untagged].map(isThere), [true, true, true, false]);
  assert.equal(at.store.blobs.stat(blob.digest)?.sizeBytes, blob.size);
  const report = await at.engine.system.check({ repair: false, signal: never, onProgress: () => {} });
  assert.deepEqual(report.findings, []);
  await prune(true);
  assert.deepEqual(at.store.blobs.list(), []);
  assert.deepEqual(at.store.state.manifests.list(), []);
});

test(
  'layers leave compressed where that is asked for, the same every time, under digests that are fixed before',
  { skip },
  async () => {
    await using registry = await testRegistry({ compression: 'gzip' });
    const { at, send } = registry;
    const image = addImage(at.store, 'app:1', ['a', 'b']);
    const first = await send('GET', '/v2/app/manifests/1');
    const digest = first.header('docker-content-digest') ?? '';
    assert.notEqual(digest, image.manifestDigest);
    const layers = first.json()['layers'] as { digest: string; size: number; mediaType: string }[];
    for (const [position, layer] of layers.entries()) {
      const blob = await send('GET', `/v2/app/blobs/${layer.digest}`);
      assert.deepEqual([digestOf(blob.bytes), blob.bytes.length], [layer.digest, layer.size]);
      assert.equal(layer.mediaType, mediaTypes.ociLayerGzip);
      assert.equal(digestOf(gunzipSync(blob.bytes)), image.chain[position]);
    }
    assert.equal((await send('HEAD', '/v2/app/manifests/1')).header('docker-content-digest'), digest);
    assert.deepEqual((await send('GET', `/v2/app/manifests/${digest}`)).bytes, first.bytes);
    await registry.stop();
    const options = { hosts: [], compression: 'gzip', onWarning: () => {} } as const;
    using again = await at.engine.openRegistry(options);
    const remade = await again.manifest('app', { kind: 'digest', digest: parseDigest(digest) });
    assert.deepEqual(remade?.bytes, first.bytes, 'the next registry over the store knows it too');
  },
);

test('what was pushed and is removed by its name leaves nothing behind', { skip }, async () => {
  await using registry = await testRegistry();
  const { at, put } = registry;
  const manifest = await imageOf(registry, 'gone', await tarOf('gone'));
  const other = { ...manifest, annotations: { other: 'one' } };
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ ...describe(manifest), platform: { os: 'linux', architecture: 'amd64' } }],
  };
  await put('gone', describe(manifest).digest, manifest);
  await put('gone', '1', index);
  await put('gone', '2', other);
  await registry.stop();
  at.engine.images.remove('gone:1', { force: false });
  const left = at.store.state.manifests.list().map(({ id }) => id);
  assert.deepEqual(left, [`docker.io/library/gone@${describe(other).digest}`]);
  at.engine.images.remove('gone:2', { force: false });
  assert.deepEqual(at.store.state.manifests.list(), []);
  assert.deepEqual(at.store.blobs.list(), []);
  assert.deepEqual(at.store.layers.list(), []);
});

test(
  'a push that has begun ends well though the store is pruned between its blobs and its manifest',
  { skip },
  async () => {
    await using registry = await testRegistry();
    const { at, put } = registry;
    const manifest = await imageOf(registry, 'slow', await tarOf('slow'));
    await at.engine.system.prune({ all: true, dryRun: false, signal: never });
    assert.equal((await put('slow', '1', manifest)).status, 201);
    await at.engine.system.prune({ all: true, dryRun: false, signal: never });
    assert.equal(
      at.store.images.find('slow:1')?.manifestDigest,
      describe(manifest).digest,
      'just pushed: not unused yet',
    );
    await registry.stop();
    await at.engine.system.prune({ all: true, dryRun: false, signal: never });
    assert.deepEqual([at.store.blobs.list(), at.store.layers.list(), at.store.state.manifests.list()], [[], [], []]);
  },
);

test('check finds what a pushed manifest misses; a repair drops it', { skip }, async () => {
  await using registry = await testRegistry();
  const { at, put } = registry;
  const blob = await registry.push('art', Buffer.from('{}'), mediaTypes.ociEmpty);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: 'a/b',
    config: blob,
    layers: [blob],
  };
  await put('art', '1', manifest);
  at.store.blobs.delete(blob.digest);
  at.store.areas.emptyTrash();
  const check = async (repair: boolean): Promise<readonly string[]> => {
    const { findings } = await at.engine.system.check({ repair, signal: never, onProgress: () => {} });
    return findings.map(({ message }) => message);
  };
  const names = ['docker.io/library/art:1', `docker.io/library/art@${describe(manifest).digest}`].toSorted();
  const lost = (consequence: string): readonly string[] =>
    names.map((id) => `manifest ${id}: ${blob.digest} is missing or damaged; ${consequence}: push it again`);
  assert.deepEqual((await check(false)).toSorted(), lost('it cannot be pulled'));
  assert.deepEqual((await check(true)).toSorted(), lost('it is dropped'));
  assert.deepEqual(await check(false), []);
});

test(
  'a pull that has begun ends well though the image is removed and the store pruned meanwhile',
  { skip },
  async () => {
    await using registry = await testRegistry();
    const { at, send } = registry;
    const image = addImage(at.store, 'leaving:1', ['a', 'b']);
    const manifest = await send('GET', '/v2/leaving/manifests/1');
    at.engine.images.remove('leaving:1', { force: false });
    await at.engine.system.prune({ all: true, dryRun: false, signal: never });
    assert.equal((await send('GET', '/v2/leaving/manifests/1')).status, 404);
    for (const { digest } of [image.manifest.config, ...image.manifest.layers]) {
      assert.equal(digestOf((await send('GET', `/v2/leaving/blobs/${digest}`)).bytes), digest);
    }
    assert.equal(digestOf(manifest.bytes), image.manifestDigest);
  },
);

test('a read-only registry refuses every change and serves on', { skip }, async () => {
  await using registry = await testRegistry({ readOnly: true });
  const { send, at } = registry;
  const image = addImage(at.store, 'app:1', ['a']);
  const changes: readonly (readonly [string, string])[] = [
    ['POST', '/v2/app/blobs/uploads/'],
    ['PUT', '/v2/app/manifests/1'],
    ['DELETE', '/v2/app/manifests/1'],
    ['DELETE', `/v2/app/blobs/${image.imageId}`],
    ['PATCH', '/v2/app/blobs/uploads/x'],
  ];
  for (const [method, path] of changes) {
    const answer = await send(method, path, method === 'PUT' ? { body: '{}' } : {});
    assert.deepEqual([answer.status, answer.code()], [405, 'DENIED'], `${method} ${path}`);
  }
  assert.equal((await send('GET', '/v2/app/manifests/1')).status, 200);
});

test('with a password file everything asks for a name and a password; neither is logged', { skip }, async () => {
  await using registry = await testRegistry({ passwords: parsePasswordFile(accounts) });
  const { send, log } = registry;
  const nobody = await send('GET', '/v2/');
  assert.deepEqual([nobody.status, nobody.code()], [401, 'UNAUTHORIZED']);
  assert.match(nobody.header('www-authenticate') ?? '', /^Basic realm=/);
  for (const wrong of ['ann:wrong', 'bob:right', 'ann:', ':right', 'ann', `ann:${'x'.repeat(80)}`]) {
    assert.equal((await send('GET', '/v2/', as(wrong))).status, 401, wrong);
  }
  for (let times = 0; times < 3; times++) assert.equal((await send('GET', '/v2/', as('ann:right'))).status, 200);
  assert.equal((await send('PUT', '/v2/a/manifests/1', { body: '{}' })).status, 401);
  assert.equal(log.join('\n').includes('right'), false);
});

function as(text: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } };
}

test('a password file holds hashes of bcrypt only', () => {
  for (const content of ['', 'ann', 'ann:plain', 'ann:{SHA}abc', 'ann:$apr1$x$y', `:${accounts.split(':')[1] ?? ''}`]) {
    assert.throws(() => parsePasswordFile(content), { code: 'invalid' }, content);
  }
});

test('hostile names and paths reach nothing', { skip }, async () => {
  await using registry = await testRegistry();
  for (const path of [
    '/v2/..%2f..%2fetc/tags/list',
    '/v2/a/../../etc/passwd',
    '/v2/A/tags/list',
    '/v2/a//b/tags/list',
    `/v2/${'a'.repeat(300)}/tags/list`,
    '/v2/a/blobs/sha256:..%2f..%2f..%2fetc%2fpasswd',
    '/v2/a/blobs/sha256:%00',
    '/v2/%ff/tags/list',
    '/v2/a/blobs/uploads/..%2fx',
    '/etc/passwd',
    '/v2/a/manifests/..',
  ]) {
    const status = await rawStatus(registry.address, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    assert.ok(status === 400 || status === 404, `${path}: ${status}`);
  }
  const long = `GET /v2/ HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`;
  assert.equal(await rawStatus(registry.address, long), 431);
  assert.equal(await rawStatus(registry.address, 'TRACE /v2/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), 405);
});

function rawStatus(address: string, request: string): Promise<number> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
    socket.end(request);
  });
}

test('an upload that is cut goes on where it was; of one that is left nothing stays', { skip }, async () => {
  await using registry = await testRegistry();
  const { send, at, address } = registry;
  const place = (await send('POST', '/v2/cut/blobs/uploads/')).header('location') ?? '';
  const bytes = Buffer.alloc(200_000, 'x');
  const head = `PATCH ${place} HTTP/1.1\r\nhost: x\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  await cutAfter(address, Buffer.concat([Buffer.from(head), bytes.subarray(0, 100_000)]));
  let offset = 0;
  for (let tries = 0; tries < 200 && offset === 0; tries++) {
    const range = (await send('GET', place)).header('range') ?? '';
    offset = range === '0-0' ? 0 : Number(range.slice(2)) + 1;
  }
  assert.ok(offset > 0 && offset <= 100_000);
  const digest = digestOf(bytes);
  const rest = { body: bytes.subarray(offset), headers: { 'content-range': `${offset}-${bytes.length - 1}` } };
  assert.equal((await send('PUT', `${place}?digest=${digest}`, rest)).status, 201);
  await send('POST', '/v2/cut/blobs/uploads/');
  at.nowMs += 16 * 60_000;
  const { header } = await send('POST', '/v2/cut/blobs/uploads/');
  assert.equal(at.store.blobs.ingests().length, 1, 'the one that was left alone is gone');
  await send('DELETE', header('location') ?? '');
  assert.equal(at.store.blobs.ingests().length, 0);
});

function cutAfter(address: string, bytes: Uint8Array): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => {
      socket.write(bytes, () => setTimeout(() => socket.destroy(), 50));
    });
    socket.on('close', () => resolve());
  });
}

test('a body that drips is cut, one that flows is not; what had come stays for who goes on', { skip }, async () => {
  await using registry = await testRegistry({ pace: { periodMs: 100, minBytes: 10 } });
  const upload = async (everyMs: number, count: number): Promise<boolean> => {
    const place = (await registry.send('POST', '/v2/slow/blobs/uploads/')).header('location') ?? '';
    const [host = '', port = ''] = registry.address.split(':');
    const socket = connect({ host, port: Number(port) });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString())).on('error', () => undefined);
    const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.write(`PATCH ${place} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${count}\r\n\r\n`);
    let sent = 0;
    const timer = setInterval(() => {
      if (sent++ < count) socket.write('x');
    }, everyMs);
    await ended;
    clearInterval(timer);
    const { status } = await registry.send('GET', place);
    assert.equal(status, 204, 'the upload is still there');
    return answer.startsWith('HTTP/1.1 202');
  };
  assert.deepEqual(await Promise.all([upload(60, 1000), upload(1, 300)]), [false, true]);
});

test(
  'over TLS, with a certificate and key of PEM',
  { skip: skip || !hasOpenssl() ? 'needs root and openssl' : false },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'varve-tls-'));
    try {
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
      execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
      const tls = { certificate: readFileSync(cert), key: readFileSync(key) };
      await using registry = await testRegistry({ tls });
      const [host, port] = registry.address.split(':');
      const status = await new Promise((resolve, reject) => {
        const asked = httpsRequest({ host, port, path: '/v2/', ca: tls.certificate }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asked.on('error', reject).end();
      });
      assert.equal(status, 200);
      await assert.rejects(testRegistry({ tls: { certificate: Buffer.from('no'), key: Buffer.from('no') } }), {
        code: 'invalid',
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
