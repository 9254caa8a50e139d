import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { parseReference, type Digest, type ImageConfig, type Platform } from '../oci/index.ts';
import { craftTar } from './crafted-image.fixture.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

const amd64: Platform = { os: 'linux', architecture: 'amd64' };
const arm64: Platform = { os: 'linux', architecture: 'arm64' };
const riscv: Platform = { os: 'linux', architecture: 'riscv64' };
const name = parseReference('registry.test/app:1');

test('a name of an index means the image for this machine, or for the platform that is asked for', () => {
  using stores = testStores();
  const { members } = indexOf(stores, [arm64, amd64]);
  assert.equal(stores.images.find('registry.test/app:1')?.imageId, members[1]?.image.imageId);
  const found = stores.images.find('registry.test/app:1', { platform: arm64 });
  assert.equal(found?.imageId, members[0]?.image.imageId);
  assert.deepEqual(found?.names, ['registry.test/app:1']);
  assert.equal(stores.images.find('registry.test/app:1', { platform: riscv }), undefined);
  assert.equal(stores.images.findIndex('registry.test/app:1')?.members.length, 2);
});

test('a name of one image is not meant where another platform is asked for', () => {
  using stores = testStores();
  stores.images.add(configFor(stores, arm64), { names: [name], holder: stores.holder });
  assert.notEqual(stores.images.find('registry.test/app:1'), undefined);
  assert.equal(stores.images.find('registry.test/app:1', { platform: amd64 }), undefined);
  assert.equal(stores.images.findIndex('registry.test/app:1'), undefined);
});

test('the same members in the same order give the same index', () => {
  const digests = [1, 2].map(() => {
    using stores = testStores();
    return indexOf(stores, [amd64, arm64]).digest;
  });
  assert.equal(digests[0], digests[1]);
});

test('members are not dangling as long as their index is there, and gone with it', () => {
  using stores = testStores();
  const { digest } = indexOf(stores, [amd64, arm64]);
  assert.equal(stores.images.list().length, 2);
  assert.deepEqual(
    stores.state.images.list().map(({ id }) => id),
    ['registry.test/app:1'],
  );
  assert.equal(stores.images.untag(name), true);
  assert.deepEqual(stores.images.list(), []);
  assert.equal(stores.images.findIndex(digest), undefined);
});

test('an index that loses its name to another image is dangling, and can be named again', () => {
  using stores = testStores();
  const { digest } = indexOf(stores, [amd64, arm64]);
  const other = stores.images.add(configFor(stores, riscv), { names: [name], holder: stores.holder });
  assert.equal(stores.images.find('registry.test/app:1')?.imageId, other.imageId);
  assert.deepEqual(stores.images.findIndex(digest)?.names, []);
  stores.images.tag(digest, parseReference('registry.test/old:1'));
  assert.deepEqual(stores.images.findIndex('registry.test/old:1')?.names, ['registry.test/old:1']);
  assert.equal(stores.state.images.get(digest), undefined);
});

test('removing a member removes its index', () => {
  using stores = testStores();
  const { members } = indexOf(stores, [amd64, arm64]);
  const kept = members[1]?.image.imageId as Digest;
  stores.images.tag(kept, parseReference('registry.test/kept:1'));
  assert.deepEqual(stores.images.remove(members[0]?.image.imageId as Digest), ['registry.test/app:1']);
  assert.deepEqual(
    stores.images.list().map(({ imageId, names }) => ({ imageId, names })),
    [{ imageId: kept, names: ['registry.test/kept:1'] }],
  );
});

test('annotations stand on the index, on its descriptors and on manifests; one config may have several manifests', () => {
  using stores = testStores();
  const config = configFor(stores, amd64);
  const plain = stores.images.add(config, { names: [parseReference('plain')], holder: stores.holder });
  const digest = stores.images.write(config, { holder: stores.holder, annotations: { a: 'manifest' } });
  const { index, members } = stores.images.addIndex([{ digest, platform: amd64, annotations: { a: 'descriptor' } }], {
    names: [name],
    holder: stores.holder,
    annotations: { a: 'index' },
  });
  assert.deepEqual(index.annotations, { a: 'index' });
  assert.deepEqual(index.manifests[0]?.annotations, { a: 'descriptor' });
  assert.deepEqual(members[0]?.image.manifest.annotations, { a: 'manifest' });
  assert.equal(stores.images.find('plain')?.manifest.annotations, undefined);
  assert.deepEqual(
    stores.images.get(plain.imageId)?.manifests.map((each) => each.digest),
    [plain.manifestDigest, digest],
  );
});

test('an index without members, with a platform twice, or with a member that is not here is refused', () => {
  using stores = testStores();
  const options = { names: [name], holder: stores.holder };
  const digest = stores.images.write(configFor(stores, amd64), { holder: stores.holder });
  assert.throws(() => stores.images.addIndex([], options), isFault('invalid'));
  const twice = [
    { digest, platform: amd64 },
    { digest, platform: { ...amd64, variant: 'v1' } },
  ];
  assert.throws(() => stores.images.addIndex(twice, options), isFault('invalid'));
  const missing = `sha256:${'0'.repeat(64)}` as Digest;
  assert.throws(() => stores.images.addIndex([{ digest: missing, platform: amd64 }], options), isFault('not-found'));
  assert.deepEqual(stores.images.list(), []);
});

function isFault(code: 'invalid' | 'not-found'): (error: unknown) => boolean {
  return (error) => Fault.is(error, code);
}

function indexOf(stores: TestStores, platforms: readonly Platform[]) {
  const { images, holder } = stores;
  const members = platforms.map((platform) => ({
    digest: images.write(configFor(stores, platform), { holder }),
    platform,
  }));
  return images.addIndex(members, { names: [name], holder });
}

function configFor({ layers, holder }: TestStores, platform: Platform): ImageConfig {
  using writer = layers.writer({ holder });
  writer.write(craftTar({ arch: platform.architecture }));
  const { diffId } = writer.commit();
  return { ...platform, config: {}, rootfs: { type: 'layers', diff_ids: [diffId] } };
}
