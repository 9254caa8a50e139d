import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { type Digest } from '../oci/index.ts';
import { openLayoutArchive, resolveImage, type OciLayout } from '../registry/index.ts';
import { readAll } from '../std/index.ts';
import { craftImage, linuxAmd64 } from './crafted-image.fixture.ts';
import type { StoredImage } from './image-store.ts';
import { memoryRemote } from './memory-remote.fixture.ts';
import { saveImages } from './save-images.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

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

async function saved(stores: TestStores, images: readonly StoredImage[]): Promise<OciLayout> {
  const chunks: Uint8Array[] = [];
  const write = async (chunk: Uint8Array): Promise<void> => void chunks.push(Buffer.from(chunk));
  await saveImages(images, { ...stores, write, signal: new AbortController().signal });
  const path = join(stores.root, 'saved.tar');
  writeFileSync(path, Buffer.concat(chunks));
  return openLayoutArchive(path);
}

async function blobOf(layout: OciLayout, digest: Digest, size: number): Promise<Buffer> {
  return Buffer.from(await readAll(layout.blob({ mediaType: 'any', digest, size }, {}), size));
}
