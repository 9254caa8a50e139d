import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf, parseReference, type Digest } from '../oci/index.ts';
import { openLayoutArchive, resolveImage, type OciLayout } from '../registry/index.ts';
import { readAll } from '../std/index.ts';
import { craftImage, craftTar, linuxAmd64 } from './crafted-image.fixture.ts';
import type { StoredImage, StoredIndex } from './image-store.ts';
import type { LayerPacking } from './layer-sources.ts';
import { memoryRemote } from './memory-remote.fixture.ts';
import { freshImage, storedOutgoing, type Outgoing } from './outgoing-image.ts';
import { saveImages } from './save-images.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

const noSkopeo = existsSync('/usr/bin/skopeo') ? false : 'skopeo is not installed';
const base = { files: { base: 'shared' } };

test('what was pulled is saved byte for byte, in each packing and family', async () => {
  for (const family of ['oci', 'docker'] as const) {
    using stores = testStores();
    const image = craftImage([base, { files: { a: 'a' }, packing: 'zstd' }, { files: { b: 'b' }, packing: 'none' }], {
      family,
    });
    const { image: pulled } = await stores.pull(memoryRemote(image));
    const layout = await saved(stores, [pulled]);
    for (const [digest, bytes] of image.blobs) assert.deepEqual(await blobOf(layout, digest, bytes.length), bytes);
    const found = await resolveImage(layout, 'registry.test/image:1', { platform: linuxAmd64 });
    assert.deepEqual(found.descriptor, image.descriptor);
  }
});

test('a layer whose compressed form was never fetched is saved as a tar; the image ID stays', async () => {
  using stores = testStores();
  await stores.pull(memoryRemote(craftImage([{ ...base, packing: 'none' }])), 'registry.test/base:1');
  const child = craftImage([base, { files: { a: 'a' } }]);
  const { image } = await stores.pull(memoryRemote(child), 'registry.test/child:1');
  const layout = await saved(stores, [image]);
  const { manifest } = await resolveImage(layout, '1', { platform: linuxAmd64 });
  assert.equal(manifest.config.digest, child.imageId);
  assert.deepEqual(
    manifest.layers.map((layer) => layer.digest),
    [child.diffIds[0], child.layers[1]?.digest],
  );
  using other = testStores();
  assert.equal((await other.pull(layout, 'registry.test/child:1')).image.imageId, child.imageId);
});

test('what several images share is written once, each name is an entry', async () => {
  using stores = testStores();
  const [one, two] = [craftImage([base, { files: { a: '1' } }]), craftImage([base, { files: { a: '2' } }])];
  await stores.pull(memoryRemote(one), 'registry.test/one:1');
  await stores.pull(memoryRemote(one), 'registry.test/one:again');
  await stores.pull(memoryRemote(two), 'registry.test/two:1');
  const layout = await saved(stores, stores.images.list());
  assert.equal(layout.entries.length, 3);
  for (const [name, image] of [
    ['registry.test/one:again', one],
    ['registry.test/two:1', two],
  ] as const) {
    assert.deepEqual((await layout.manifest(name, {})).digest, image.descriptor.digest);
  }
});

test('a blob that is missing fails the archive by name', async () => {
  using stores = testStores();
  const image = craftImage([base]);
  const { image: pulled } = await stores.pull(memoryRemote(image));
  stores.blobs.delete(image.imageId);
  await assert.rejects(
    saved(stores, [pulled]),
    (error) => Fault.is(error, 'not-found') && error.message.includes(image.imageId),
  );
});

test('an index is saved with all of its members', { skip: noSkopeo }, async () => {
  using stores = testStores();
  const index = storedIndex(stores);
  const path = await savedAt(stores, [storedOutgoing(index, stores.blobs)]);
  const raw = skopeo('inspect', '--raw', `oci-archive:${path}:1`);
  assert.equal(digestOf(Buffer.from(raw)), index.digest);
  for (const architecture of ['amd64', 'arm64']) {
    const found = skopeo('--override-arch', architecture, 'inspect', `oci-archive:${path}:1`);
    assert.equal((JSON.parse(found) as { readonly Architecture: string }).Architecture, architecture);
  }
  skopeo('copy', '--quiet', '--all', `oci-archive:${path}:1`, `dir:${join(stores.root, 'copy')}`);
});

test('packed layers are what the tars are, the same each time; the image ID stays', async () => {
  for (const kind of ['gzip', 'zstd'] as const) {
    const [once, again] = [await savedPacked({ kind }), await savedPacked({ kind })];
    assert.deepEqual(once.bytes, again.bytes);
    assert.equal(once.imageId, once.restoredId);
    assert.deepEqual(
      once.types.map((type) => type.split('+')[1]),
      [kind, kind],
    );
  }
});

test('a layer that was pulled compressed is passed on byte for byte, unless it is forced into another form', async () => {
  using stores = testStores();
  const pulled = craftImage([base]);
  await stores.pull(memoryRemote(pulled));
  const config = { ...linuxAmd64, config: {}, rootfs: { type: 'layers' as const, diff_ids: pulled.diffIds } };
  const content = freshImage(config, stores);
  for (const isForced of [false, true]) {
    const packing = { kind: 'zstd', level: undefined, isForced } as const;
    const path = await savedAt(stores, [{ content, names: [parseReference('app:1')] }], { packing });
    const { manifest } = await resolveImage(await openLayoutArchive(path), '1', { platform: linuxAmd64 });
    assert.equal(manifest.layers[0]?.digest === pulled.layers[0]?.digest, !isForced);
  }
});

test('an image is saved for docker load with tars only, an index is refused', async () => {
  using stores = testStores();
  const { image } = await stores.pull(memoryRemote(craftImage([base, { files: { a: 'a' }, packing: 'zstd' }])));
  const path = await savedAt(stores, [storedOutgoing(image, stores.blobs)], { format: 'docker' });
  const listed = execFileSync('tar', ['-tf', path], { encoding: 'utf8' }).trim().split('\n');
  const tars = image.chain.map((diffId) => `${diffId.slice('sha256:'.length)}.tar`);
  const config = `${image.imageId.slice('sha256:'.length)}.json`;
  assert.deepEqual(listed, ['manifest.json', config, ...tars, 'repositories']);
  await assert.rejects(
    savedAt(stores, [storedOutgoing(storedIndex(stores), stores.blobs)], { format: 'docker' }),
    (error) => Fault.is(error, 'unsupported'),
  );
});

interface SavedAtOptions {
  readonly format?: 'oci' | 'docker';
  readonly packing?: LayerPacking;
}

async function savedAt(
  stores: TestStores,
  outgoing: readonly Outgoing[],
  { format = 'oci', packing }: SavedAtOptions = {},
): Promise<string> {
  const chunks: Uint8Array[] = [];
  const write = async (chunk: Uint8Array): Promise<void> => void chunks.push(Buffer.from(chunk));
  await saveImages(outgoing, { ...stores, packing, to: { format, write }, signal: new AbortController().signal });
  const path = join(stores.root, 'saved.tar');
  writeFileSync(path, Buffer.concat(chunks));
  return path;
}

async function saved(stores: TestStores, images: readonly StoredImage[]): Promise<OciLayout> {
  const outgoing = images.map((image) => storedOutgoing(image, stores.blobs));
  return openLayoutArchive(await savedAt(stores, outgoing));
}

async function savedPacked({ kind }: Pick<LayerPacking, 'kind'>) {
  using stores = testStores();
  const { image } = await stores.pull(memoryRemote(craftImage([{ ...base, packing: 'none' }, { packing: 'none' }])));
  const packing = { kind, level: 9, isForced: false };
  const path = await savedAt(stores, [storedOutgoing(image, stores.blobs)], { packing });
  const layout = await openLayoutArchive(path);
  const { manifest } = await resolveImage(layout, '1', { platform: linuxAmd64 });
  using other = testStores();
  const restored = await other.pull(layout, 'registry.test/image:1');
  return {
    bytes: readFileSync(path),
    types: manifest.layers.map(({ mediaType }) => mediaType),
    imageId: image.imageId,
    restoredId: restored.image.imageId,
  };
}

function storedIndex({ images, layers, holder }: TestStores): StoredIndex {
  const members = ['amd64', 'arm64'].map((architecture) => {
    const platform = { os: 'linux', architecture };
    using writer = layers.writer({ holder });
    writer.write(craftTar({ architecture }));
    const rootfs = { type: 'layers' as const, diff_ids: [writer.commit().diffId] };
    return { platform, digest: images.write({ ...platform, rootfs }, { holder }) };
  });
  return images.addIndex(members, { names: [parseReference('registry.test/multi:1')], holder });
}

function skopeo(...options: readonly string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...options], { encoding: 'utf8' });
}

async function blobOf(layout: OciLayout, digest: Digest, size: number): Promise<Buffer> {
  return Buffer.from(await readAll(layout.blob({ mediaType: 'any', digest, size }, {}), size));
}
