import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault, type FaultCode } from '../errors/index.ts';
import { parseReference, type DiffId, type ImageConfig } from '../oci/index.ts';
import { craftTar } from './crafted-image.fixture.ts';
import type { StoredImage } from './image-store.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

const isFault = (code: FaultCode) => (error: unknown) => Fault.is(error, code);

test('an image is found by each of its names, by its ID and by the beginning of it', () => {
  using stores = testStores();
  const { images } = stores;
  const image = addImage(stores, 'one', ['app:1', 'registry.test/app:1']);
  const hex = image.imageId.slice('sha256:'.length);
  const ways = ['app:1', 'docker.io/library/app:1', 'registry.test/app:1', image.imageId, hex, hex.slice(0, 12)];
  for (const way of [...ways, `sha256:${hex.slice(0, 7)}`]) assert.equal(images.find(way)?.imageId, image.imageId, way);
  for (const name of ['app', 'app:2', 'library/other']) assert.equal(images.find(name), undefined);
  assert.deepEqual(image.names, ['docker.io/library/app:1', 'registry.test/app:1']);
});

test('a name is tried before an ID', () => {
  using stores = testStores();
  const first = addImage(stores, 'first', []);
  const prefix = first.imageId.slice('sha256:'.length, 'sha256:'.length + 6);
  const second = addImage(stores, 'second', [`${prefix}:latest`]);
  assert.equal(stores.images.find(prefix)?.imageId, second.imageId);
});

test('a beginning that several IDs have is refused', () => {
  using stores = testStores();
  const ids = Array.from({ length: 17 }, (_, index) => addImage(stores, `content ${index}`, []).imageId);
  const digits = ids.map((id) => id.charAt('sha256:'.length));
  const twice = digits.find((digit, index) => digits.indexOf(digit) !== index) ?? '';
  assert.throws(() => stores.images.find(twice), isFault('invalid'));
});

test('what cannot be a name is refused', () => {
  using stores = testStores();
  for (const name of ['', 'UPPER', 'a b', '../x', 'a:b:c']) {
    assert.throws(() => stores.images.find(name), isFault('invalid'), name);
  }
});

test('a name that is given to another image leaves the first one dangling', () => {
  using stores = testStores();
  const { images } = stores;
  const first = addImage(stores, 'first', ['app:1']);
  const second = addImage(stores, 'second', ['app:1']);
  assert.equal(images.find('app:1')?.imageId, second.imageId);
  assert.deepEqual(images.get(first.imageId)?.names, []);
  images.tag(first.imageId, parseReference('app:old'));
  assert.deepEqual(images.get(first.imageId)?.names, ['docker.io/library/app:old']);
  assert.equal(images.list().length, 2);
});

test('an image added without a name is dangling until it gets one', () => {
  using stores = testStores();
  const image = addImage(stores, 'content', []);
  assert.deepEqual(image.names, []);
  const again = addImage(stores, 'content', ['app:1']);
  assert.deepEqual([again.imageId, again.names], [image.imageId, ['docker.io/library/app:1']]);
  assert.equal(stores.images.list().length, 1);
});

test('the same image under the same name changes nothing', () => {
  using stores = testStores();
  const first = addImage(stores, 'content', ['app:1']);
  assert.deepEqual(addImage(stores, 'content', ['app:1']), first);
});

test('dropping names: the last one takes the image along, content stays', () => {
  using stores = testStores();
  const { images, layers } = stores;
  const image = addImage(stores, 'content', ['app:1', 'app:2']);
  assert.equal(images.untag(parseReference('app:1')), true);
  assert.equal(images.untag(parseReference('app:1')), false);
  assert.deepEqual(images.get(image.imageId)?.names, ['docker.io/library/app:2']);
  assert.equal(images.untag(parseReference('app:2')), true);
  assert.equal(images.get(image.imageId), undefined);
  assert.ok(layers.stat(image.chain[0] as DiffId));
});

test('removing drops all names of an image, and a dangling image', () => {
  using stores = testStores();
  const named = addImage(stores, 'named', ['app:1', 'app:2']);
  const dangling = addImage(stores, 'dangling', []);
  assert.deepEqual(stores.images.remove(named.imageId), ['docker.io/library/app:1', 'docker.io/library/app:2']);
  assert.deepEqual(stores.images.remove(dangling.imageId), []);
  assert.deepEqual(stores.images.list(), []);
});

test('the closure is checked before a name is published', () => {
  using stores = testStores();
  const image = addImage(stores, 'content', []);
  stores.images.remove(image.imageId);
  stores.layers.remove(image.chain[0] as DiffId);
  const options = { names: [parseReference('app:1')], holder: stores.holder };
  assert.throws(() => stores.images.adopt(image.manifestDigest, options), isFault('not-found'));
  assert.throws(() => stores.images.add(image.config, options), isFault('not-found'));
  assert.deepEqual(stores.images.list(), []);
});

test('an image that is not there cannot be tagged', () => {
  using stores = testStores();
  const { imageId } = addImage(stores, 'content', []);
  stores.images.remove(imageId);
  assert.throws(() => stores.images.tag(imageId, parseReference('app:1')), isFault('not-found'));
});

function addImage(stores: TestStores, content: string, names: readonly string[]): StoredImage {
  using writer = stores.layers.writer({ holder: stores.holder });
  writer.write(craftTar({ content }));
  const { diffId } = writer.commit();
  const config: ImageConfig = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [diffId] } };
  return stores.images.add(config, { names: names.map(parseReference), holder: stores.holder });
}
