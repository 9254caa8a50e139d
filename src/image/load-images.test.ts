import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Fault, type FaultCode } from '../errors/index.ts';
import { digestOf, encodeJson, hexOf, type Digest, type JsonValue } from '../oci/index.ts';
import { archiveFile, archiveLink, attestationOf, dockerArchive, layoutArchive, tarOf } from './archive.fixture.ts';
import { craftImage, craftIndex, craftTar, linuxAmd64, type CraftedImage } from './crafted-image.fixture.ts';
import { loadImages, type LoadedImage } from './load-images.ts';
import type { LoadEvent } from './ready-image.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

const name = 'registry.test/app:1';
const base = { files: { base: 'shared' } };

test('an OCI layout comes in byte for byte, in whatever order and packing, and from pieces of any size', async () => {
  for (const family of ['oci', 'docker'] as const) {
    const image = craftImage([base, { files: { a: 'a' }, packing: 'zstd' }, { files: { b: 'b' }, packing: 'none' }], {
      family,
    });
    const members = layoutArchive([{ image, name }]);
    for (const bytes of [tarOf(members), tarOf(members.toReversed()), gzipSync(tarOf(members)), packed(members)]) {
      for (const pieceBytes of [1 << 20, 700]) {
        using stores = testStores();
        assert.deepEqual(await load(stores, bytes, { pieceBytes }), [{ names: [name], imageId: image.imageId }]);
        assert.equal(stores.images.find(name)?.manifestDigest, image.descriptor.digest);
        for (const { digest } of image.layers.slice(0, 2)) assert.equal(stores.blobs.verify(digest), true);
      }
    }
  }
});

test('what docker save wrote before version 25 is taken: layers as files, symlinks and hard links, manifest last', async () => {
  const image = craftImage([
    { ...base, packing: 'none' },
    { files: { a: 'a' }, packing: 'gzip' },
    { ...base, packing: 'none' },
  ]);
  const layers = image.layers.map(({ digest }) => image.blobs.get(digest) ?? Buffer.alloc(0));
  const members = [
    archiveLink('three/layer.tar', '../one/layer.tar', 'symlink'),
    archiveFile('one/layer.tar', layers[0] ?? ''),
    archiveFile('one/VERSION', '1.0'),
    archiveFile('two.tar.gz', layers[1] ?? ''),
    archiveLink('two/layer.tar', 'two.tar.gz', 'link'),
    archiveFile('config.json', image.blobs.get(image.imageId) ?? ''),
    archiveFile('repositories', '{}'),
    archiveFile(
      'manifest.json',
      json([
        {
          Config: 'config.json',
          RepoTags: [name, 'alpine'],
          Layers: ['one/layer.tar', 'two/layer.tar', './three/layer.tar'],
        },
      ]),
    ),
  ];
  using stores = testStores();
  const names = [name, 'docker.io/library/alpine:latest'];
  assert.deepEqual(await load(stores, tarOf(members)), [{ names, imageId: image.imageId }]);
  assert.deepEqual(stores.images.find('alpine')?.chain, image.diffIds);
});

test('several images with layers in common come at once; one without a name has its ID alone', async () => {
  const [one, two] = [craftImage([base]), craftImage([base, { files: { a: 'a' } }])];
  using stores = testStores();
  const loaded = await load(
    stores,
    tarOf(
      layoutArchive([
        { image: one, name },
        { image: two, name: undefined },
      ]),
    ),
  );
  assert.deepEqual(loaded, [
    { names: [name], imageId: one.imageId },
    { names: [], imageId: two.imageId },
  ]);
  assert.equal(stores.images.list().length, 2);
});

test('an index comes in whole; where only some of its images are there, the one that suits is taken, with a warning', async () => {
  const arm = craftImage([{ files: { a: 'arm' } }], { platform: { os: 'linux', architecture: 'arm64' } });
  const amd = craftImage([{ files: { a: 'amd' } }]);
  const index = craftIndex([arm, amd]);
  using stores = testStores();
  assert.deepEqual(await load(stores, tarOf(layoutArchive([{ image: index, name }]))), [
    { names: [name], imageId: amd.imageId },
  ]);
  assert.equal(stores.images.findIndex(name)?.digest, index.descriptor.digest);
  assert.equal(stores.images.findIndex(name)?.members.length, 2);
  using other = testStores();
  const events: LoadEvent[] = [];
  const partial = layoutArchive([{ image: index, name }]).filter(({ path }) => !arm.blobs.has(digestIn(path)));
  await load(other, tarOf(partial), { onEvent: (event) => events.push(event) });
  assert.equal(other.images.find(name)?.manifestDigest, amd.descriptor.digest);
  assert.match(JSON.stringify(events), /1 of the 2 platforms of its index are in the archive: only linux\/amd64/);
});

test('what an index says beside its images comes with it, and is kept', async () => {
  const amd = craftImage([base]);
  const statement = Buffer.from('{"_type":"https://in-toto.io/Statement/v0.1"}');
  const attestation = attestationOf(statement);
  const index = craftIndex([amd, attestation]);
  using stores = testStores();
  await load(stores, tarOf(layoutArchive([{ image: index, name }])));
  const stored = stores.images.findIndex(name);
  assert.equal(stored?.members.length, 1);
  assert.deepEqual(new Set(stored?.attached), new Set(attestation.blobs.keys()));
  assert.equal(stores.blobs.verify(digestOf(statement)), true);
});

test('layers that the archive lacks are those of the store; without them it says which, and changes nothing', async () => {
  const image = craftImage([base, { files: { a: 'a' } }]);
  const lacking = layoutArchive([{ image, name }]).filter(({ path }) => digestIn(path) !== image.layers[0]?.digest);
  using stores = testStores();
  await refused(load(stores, tarOf(lacking)), 'not-found', new RegExp(`a layer is neither .*${image.diffIds[0]}`));
  assert.deepEqual(stores.images.list(), []);
  await load(stores, tarOf(layoutArchive([{ image: craftImage([base]), name: 'registry.test/base:1' }])));
  await load(stores, tarOf(lacking));
  assert.deepEqual(stores.images.find(name)?.chain, image.diffIds);
});

test('an archive with anything wrong in it names no image: digests, lengths, links, documents', async () => {
  const image = craftImage([base, { files: { a: 'a' } }]);
  const good = layoutArchive([
    { image: craftImage([base]), name: 'registry.test/good:1' },
    { image, name },
  ]);
  const layer = image.layers[1]?.digest as Digest;
  const otherLayer = gzipSync(craftTar({ b: 'b' }));
  const config = encodeJson({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [String(image.diffIds[0])] },
  });
  const docker = dockerArchive([{ image, names: [name] }]);
  const cases: readonly [string, Buffer, FaultCode, RegExp][] = [
    ['nothing', Buffer.alloc(0), 'invalid', /it is empty/],
    ['zeros', Buffer.alloc(10_240), 'invalid', /it is empty/],
    ['no tar', Buffer.from('x'.repeat(2000)), 'invalid', /read tar/],
    [
      'a root filesystem',
      craftTar({ 'etc/passwd': 'root' }),
      'invalid',
      /neither index.json and oci-layout nor manifest.json/,
    ],
    ['cut off', tarOf(good).subarray(0, 3000), 'corrupt', /cut off/],
    ['another layer', replaced(good, layer, otherLayer), 'corrupt', /blobs\/sha256\/.*digest/],
    ['a broken layer', replaced(good, layer, otherLayer.subarray(0, -20)), 'corrupt', /its digest is/],
    ['another config', replaced(good, image.imageId, config), 'corrupt', /is not what its name says/],
    ['another manifest', replaced(good, image.descriptor.digest, '{}'), 'corrupt', /is not what its name says/],
    ['no config', without(good, image.imageId), 'invalid', /its config .* is not in the archive/],
    ['no manifest', without(good, image.descriptor.digest), 'invalid', /its manifest .* is not in the archive/],
    ['a marker of the future', swapped(good, 'oci-layout', '{"imageLayoutVersion":"9"}'), 'unsupported', /version "9"/],
    [
      'index.json of both kinds',
      swapped(good, 'index.json', '{"schemaVersion":2,"manifests":[],"layers":[]}'),
      'invalid',
      /CVE-2021-41190/,
    ],
    [
      'an empty index.json',
      swapped(good, 'index.json', '{"schemaVersion":2,"manifests":[]}'),
      'invalid',
      /there is none/,
    ],
    ['a huge manifest.json', swapped(docker, 'manifest.json', `[${' '.repeat(5 << 20)}]`), 'invalid', /over the limit/],
    [
      'a manifest.json of 20 MB',
      swapped(docker, 'manifest.json', ' '.repeat(20 << 20)),
      'exhausted',
      /manifest.json has more than/,
    ],
    [
      'a config of 20 MB',
      swapped(docker, configPath(image), ' '.repeat(20 << 20)),
      'exhausted',
      /\.json has more than/,
    ],
    ['a manifest.json that is no list', swapped(docker, 'manifest.json', '{}'), 'invalid', /not a list/],
    [
      'a bad name',
      swapped(docker, 'manifest.json', json([{ Config: 'x', RepoTags: ['A b'], Layers: [] }])),
      'invalid',
      /A b/,
    ],
    [
      'a config elsewhere',
      swapped(docker, 'manifest.json', json([{ Config: '../../etc/passwd', Layers: [] }])),
      'invalid',
      /its config .* is not in the archive/,
    ],
    [
      'too few layers',
      swapped(docker, 'manifest.json', json([{ Config: configPath(image), Layers: [] }])),
      'invalid',
      /0 layers in manifest.json, 2 in its config/,
    ],
    [
      'swapped layers',
      swapped(docker, 'manifest.json', json([{ Config: configPath(image), Layers: layerPaths(image).toReversed() }])),
      'corrupt',
      /the config says/,
    ],
    ['before manifest.json', tarOf([archiveFile('repositories', '{}')]), 'unsupported', /Docker 1.10/],
  ];
  for (const [what, bytes, code, message] of cases) {
    using stores = testStores();
    await refused(load(stores, bytes), code, message, what);
    assert.deepEqual(stores.images.list(), [], what);
    assert.deepEqual(stores.blobs.ingests(), [], what);
  }
});

test('a link that leaves the archive, or goes round, leads to no layer', async () => {
  const image = craftImage([{ ...base, packing: 'none' }]);
  for (const links of [
    [archiveLink('layer.tar', '/etc/passwd', 'symlink')],
    [archiveLink('layer.tar', '../../x.tar', 'symlink')],
    [archiveLink('layer.tar', 'b.tar', 'symlink'), archiveLink('b.tar', 'layer.tar', 'symlink')],
  ]) {
    using stores = testStores();
    const members = [
      ...links,
      archiveFile('c.json', image.blobs.get(image.imageId) ?? ''),
      archiveFile('manifest.json', json([{ Config: 'c.json', RepoTags: [name], Layers: ['layer.tar'] }])),
    ];
    await refused(load(stores, tarOf(members)), 'not-found', /neither in the archive nor here/);
  }
});

test('a layer that inflates out of all proportion is refused', async () => {
  const bomb = zstdCompressSync(craftTar({ zeros: Buffer.alloc(200 << 20) }));
  using stores = testStores();
  const members = [archiveFile(`blobs/sha256/${hexOf(digestOf(bomb))}`, bomb)];
  await refused(load(stores, tarOf(members)), 'exhausted', /allowed 1100 to 1/);
});

test('loading can be stopped, and leaves no ingest', async () => {
  using stores = testStores();
  const stop = new AbortController();
  const image = craftImage([base]);
  const loading = load(stores, tarOf(layoutArchive([{ image, name }])), {
    signal: stop.signal,
    onEvent: () => stop.abort(),
  });
  await refused(loading, 'cancelled', /read image archive/);
  assert.deepEqual(stores.blobs.ingests(), []);
});

interface LoadTestOptions {
  readonly pieceBytes?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: LoadEvent) => void;
}

function load(stores: TestStores, bytes: Uint8Array, options: LoadTestOptions = {}): Promise<readonly LoadedImage[]> {
  const { pieceBytes = 1 << 20, signal = new AbortController().signal, onEvent = () => undefined } = options;
  return loadImages(pieces(bytes, pieceBytes), { ...stores, platform: linuxAmd64, signal, onEvent });
}

async function* pieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function refused(doing: Promise<unknown>, code: FaultCode, message: RegExp, what = 'it'): Promise<void> {
  await assert.rejects(doing, (error) => {
    assert.ok(Fault.is(error), `${what}: ${String(error)}`);
    assert.match(error.message, message, what);
    assert.equal(error.code, code, `${what}: ${error.message}`);
    return true;
  });
}

type Members = ReturnType<typeof layoutArchive>;

function packed(members: Members): Buffer {
  return zstdCompressSync(tarOf(members));
}

function json(value: JsonValue): Uint8Array {
  return encodeJson(value);
}

function digestIn(path: string): Digest {
  return `sha256:${path.slice('blobs/sha256/'.length)}` as Digest;
}

function replaced(members: Members, digest: Digest, bytes: string | Uint8Array): Buffer {
  return swapped(members, `blobs/sha256/${hexOf(digest)}`, bytes);
}

function swapped(members: Members, path: string, bytes: string | Uint8Array): Buffer {
  return tarOf(members.map((each) => (each.path === path ? archiveFile(path, bytes) : each)));
}

function without(members: Members, digest: Digest): Buffer {
  return tarOf(members.filter(({ path }) => digestIn(path) !== digest));
}

function configPath({ imageId }: CraftedImage): string {
  return `${hexOf(imageId)}.json`;
}

function layerPaths({ diffIds }: CraftedImage): string[] {
  return diffIds.map((diffId) => `${diffId.slice(7)}.tar`);
}
