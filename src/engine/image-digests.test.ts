import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layoutArchive, tarOf } from '../image/archive.fixture.ts';
import { craftImage } from '../image/crafted-image.fixture.ts';
import { testStore } from './test-store.fixture.ts';

test('an image that came with several manifests has under each name the digest that it came with', async () => {
  await using at = await testStore();
  const layers = [{ files: { a: 'a' } }];
  const came = [
    { name: 'registry.test/oci:1', image: craftImage(layers, { family: 'oci' }) },
    { name: 'registry.test/docker:1', image: craftImage(layers, { family: 'docker' }) },
  ];
  for (const each of came) {
    const { signal } = new AbortController();
    await at.engine.images.load(piece(tarOf(layoutArchive([each]))), { signal, onProgress: () => undefined });
  }
  const expected = came.map(({ name, image }) => `${name.slice(0, -2)}@${image.descriptor.digest}`).toSorted();
  const rows = at.engine.images.list();
  assert.deepEqual(rows.map(({ repository, digest }) => `${repository}@${digest}`).toSorted(), expected);
  assert.equal(new Set(rows.map(({ imageId }) => imageId)).size, 1);
  for (const { name } of came) {
    const { RepoDigests } = at.engine.images.inspect(name) as { readonly RepoDigests: readonly string[] };
    assert.deepEqual(RepoDigests.toSorted(), expected);
  }
});

async function* piece(bytes: Buffer): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
