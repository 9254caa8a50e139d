/**
 * The kinds of data that the conformance program of the distribution specification sends through a registry, each its whole way:
 * pushed by digest and by tag, listed, asked for, pulled, referred to, deleted, and gone at once.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { craftTar } from '../engine/test-store.fixture.ts';
import { digestOf, mediaTypes } from '../oci/index.ts';
import { testRegistry, type TestRegistry } from './registry.fixture.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const name = 'conformance/data';

type Algorithm = 'sha256' | 'sha512';

interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [field: string]: unknown;
}

/** What is to be pushed: blobs, then manifests in this order, under their tags. */
class DataSet {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  readonly tags = new Map<string, string>();
  readonly #algorithm: Algorithm;

  constructor(algorithm: Algorithm = 'sha256') {
    this.#algorithm = algorithm;
  }

  blob(bytes: Buffer, mediaType: string): Described {
    const digest = digestAs(this.#algorithm, bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  manifest(document: object, tag?: string): Described {
    const mediaType = String((document as Record<string, unknown>)['mediaType']);
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestAs(this.#algorithm, bytes);
    this.manifests.set(digest, bytes);
    if (tag !== undefined) this.tags.set(tag, digest);
    return { mediaType, digest, size: bytes.length };
  }

  image({ tag, layers = 2, type = mediaTypes.ociLayerGzip, architecture = 'amd64', more = {} }: ImageParts): Described {
    const tars = Array.from({ length: layers }, () => craftTar({ file: randomBytes(64) }));
    const packed = tars.map((tar) => this.blob(type === mediaTypes.ociLayer ? tar : gzipSync(tar), type));
    const rootfs = { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) };
    const config = { architecture, os: 'linux', author: randomBytes(8).toString('hex'), rootfs };
    return this.manifest(
      {
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: this.blob(Buffer.from(JSON.stringify(config)), mediaTypes.ociConfig),
        layers: packed,
        ...more,
      },
      tag,
    );
  }

  artifact(artifactType: string, more: object, tag?: string): Described {
    const [config, layer] = [
      this.blob(Buffer.from('{}'), mediaTypes.ociEmpty),
      this.blob(randomBytes(64), artifactType),
    ];
    const document = { mediaType: mediaTypes.ociManifest, artifactType, config, layers: [layer], ...more };
    return this.manifest({ schemaVersion: 2, ...document }, tag);
  }

  index(manifests: readonly Described[], tag?: string, more: object = {}): Described {
    return this.manifest({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...more }, tag);
  }
}

interface ImageParts {
  readonly tag?: string | undefined;
  readonly layers?: number;
  readonly type?: string;
  readonly architecture?: string;
  readonly more?: object;
}

function digestAs(algorithm: Algorithm, bytes: Uint8Array): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

function mediaTypeOf(manifest: Buffer): string {
  return String((JSON.parse(manifest.toString()) as Record<string, unknown>)['mediaType']);
}

async function push(registry: TestRegistry, data: DataSet): Promise<void> {
  for (const [digest, bytes] of data.blobs) {
    const began = await registry.send('POST', `/v2/${name}/blobs/uploads/`);
    const put = await registry.send('PUT', `${began.header('location')}?digest=${digest}`, { body: bytes });
    assert.equal(put.status, 201);
  }
  const send = async (reference: string, digest: string): Promise<void> => {
    const bytes = data.manifests.get(digest) as Buffer;
    const headers = { 'content-type': mediaTypeOf(bytes) };
    const put = await registry.send('PUT', `/v2/${name}/manifests/${reference}`, { body: bytes, headers });
    assert.deepEqual([put.status, put.header('docker-content-digest')], [201, digest], put.bytes.toString());
    assert.deepEqual((await registry.send('GET', put.header('location') ?? '')).bytes, bytes);
  };
  for (const digest of data.manifests.keys()) await send(digest, digest);
  for (const [tag, digest] of data.tags) {
    // A tag alone would stand for the digest that everybody computes.
    await send(digest.startsWith('sha512') ? `${digest}?tag=${tag}` : tag, digest);
  }
}

async function pull({ send }: TestRegistry, data: DataSet): Promise<void> {
  const tags = (await send('GET', `/v2/${name}/tags/list`)).json()['tags'] ?? [];
  assert.deepEqual(tags, [...data.tags.keys()].toSorted());
  const accept = `${mediaTypes.ociIndex}, ${mediaTypes.ociManifest}`;
  for (const [reference, digest] of [
    ...data.tags,
    ...[...data.manifests.keys()].map((each) => [each, each] as const),
  ]) {
    const bytes = data.manifests.get(digest) as Buffer;
    for (const method of ['HEAD', 'GET']) {
      const answer = await send(method, `/v2/${name}/manifests/${reference}`, { headers: { accept } });
      assert.equal(answer.status, 200, `${method} ${reference}`);
      assert.equal(answer.header('content-type'), mediaTypeOf(bytes));
      assert.equal(answer.header('content-length'), String(bytes.length));
      assert.equal(answer.header('docker-content-digest'), digest);
      assert.deepEqual(answer.bytes, method === 'GET' ? bytes : Buffer.alloc(0));
    }
  }
  for (const [digest, bytes] of data.blobs) {
    const head = await send('HEAD', `/v2/${name}/blobs/${digest}`);
    assert.deepEqual([head.status, head.header('content-length')], [200, String(bytes.length)]);
    assert.deepEqual((await send('GET', `/v2/${name}/blobs/${digest}`)).bytes, bytes);
  }
}

async function remove({ send }: TestRegistry, data: DataSet): Promise<void> {
  const gone = async (place: string): Promise<void> => {
    assert.equal((await send('DELETE', `/v2/${name}/${place}`)).status, 202, `delete ${place}`);
    assert.equal((await send('HEAD', `/v2/${name}/${place}`)).status, 404, `${place} is gone`);
  };
  for (const tag of data.tags.keys()) await gone(`manifests/${tag}`);
  for (const digest of [...data.manifests.keys()].toReversed()) await gone(`manifests/${digest}`);
  for (const digest of data.blobs.keys()) await gone(`blobs/${digest}`);
  const left = await send('GET', `/v2/${name}/tags/list`);
  assert.deepEqual([left.status, left.json()['tags']], [200, []], 'where something was, a list is empty');
}

const platforms = (data: DataSet): readonly Described[] =>
  ['amd64', 'arm64'].map((architecture) => ({
    ...data.image({ architecture }),
    platform: { os: 'linux', architecture },
  }));
const note = { annotations: { 'org.example.note': 'hello' } };
const one = 'application/vnd.example.one';

const sets: Readonly<Record<string, (data: DataSet) => void>> = {
  image: (data) => void data.image({ tag: 'image' }),
  'an uncompressed image': (data) => void data.image({ tag: 'plain', type: mediaTypes.ociLayer }),
  'an image without layers': (data) => void data.image({ tag: 'none', layers: 0 }),
  'an index': (data) => void data.index(platforms(data), 'index'),
  'an index of indexes': (data) => {
    const below = [data.index(platforms(data)), data.index(platforms(data))];
    data.index(below, 'nested');
  },
  'an empty index': (data) => void data.index([], 'empty'),
  'an artifact': (data) => void data.artifact(one, {}, 'artifact'),
  'an index of artifacts': (data) => void data.index([data.artifact(one, {})], 'artifacts', { artifactType: one }),
  'an artifact of the empty document': (data) => {
    const empty = data.blob(Buffer.from('{}'), mediaTypes.ociEmpty);
    const document = { mediaType: mediaTypes.ociManifest, artifactType: one, config: empty, layers: [empty] };
    data.manifest({ schemaVersion: 2, ...document }, 'empty');
  },
  'the data of a descriptor': (data) => {
    const layer = data.blob(Buffer.from('data'), one);
    const config = { ...data.blob(Buffer.from('{}'), mediaTypes.ociEmpty), data: 'e30=' };
    const layers = [{ ...layer, data: Buffer.from('data').toString('base64') }];
    const document = { mediaType: mediaTypes.ociManifest, artifactType: one, config, layers };
    data.manifest({ schemaVersion: 2, ...document }, 'data');
  },
  'layers that are elsewhere': (data) => {
    const urls = [`https://store.example/${randomBytes(4).toString('hex')}`];
    const digest = digestOf(randomBytes(32));
    const foreign = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
    const config = data.blob(
      Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'),
      mediaTypes.ociConfig,
    );
    const layers = [
      { mediaType: foreign, digest, size: 123_456, urls },
      data.blob(gzipSync(craftTar({ f: 'x' })), mediaTypes.ociLayerGzip),
    ];
    data.manifest({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }, 'foreign');
  },
  'fields that nobody knows': (data) => {
    const own = { 'org.example.own': randomBytes(4).toString('hex') };
    data.index([{ ...data.image({ more: own }), platform: { os: 'linux', architecture: 'amd64' } }], 'fields', own);
  },
};

for (const [what, make] of Object.entries(sets)) {
  for (const algorithm of ['sha256', 'sha512'] as const) {
    test(`${what}, by ${algorithm}: pushed, pulled, deleted`, { skip }, async () => {
      await using registry = await testRegistry();
      const data = new DataSet(algorithm);
      make(data);
      await push(registry, data);
      await pull(registry, data);
      await remove(registry, data);
      const options = { repair: false, signal: new AbortController().signal, onProgress: () => undefined };
      assert.deepEqual((await registry.at.engine.system.check(options)).findings, []);
    });
  }
}

test(
  'referrers that are images, artifacts and indexes, of images, of indexes and of what is not there',
  { skip },
  async () => {
    await using registry = await testRegistry();
    const data = new DataSet();
    const list = async (subject: string, query = ''): Promise<readonly Described[]> => {
      const answer = await registry.send('GET', `/v2/${name}/referrers/${subject}${query}`);
      assert.equal(answer.status, 200);
      return answer.json()['manifests'] as Described[];
    };
    const missing = { mediaType: mediaTypes.ociManifest, digest: digestOf('missing'), size: 123 };
    for (const subject of [data.image({ tag: 'image' }), data.index(platforms(data), 'index'), missing]) {
      const image = data.image({ more: { subject } });
      const artifact = data.artifact(one, { subject, ...note }, `artifact-${subject.digest.slice(-8)}`);
      const index = data.index([], undefined, { subject, artifactType: 'application/vnd.example.two', ...note });
      await push(registry, data);
      const found = await list(subject.digest);
      const byDigest = new Map(found.map((each) => [each.digest, each]));
      assert.equal(found.length, 3);
      assert.equal(byDigest.get(image.digest)?.['artifactType'], mediaTypes.ociConfig);
      assert.deepEqual(byDigest.get(artifact.digest), { ...artifact, artifactType: one, ...note });
      assert.equal(byDigest.get(index.digest)?.mediaType, mediaTypes.ociIndex);
      assert.deepEqual(
        (await list(subject.digest, `?artifactType=${one}`)).map(({ digest }) => digest),
        [artifact.digest],
      );
    }
  },
);
