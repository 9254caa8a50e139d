import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Fault, type FaultCode } from '../errors/index.ts';
import { digestOf, toDigest } from '../oci/index.ts';
import { craftImage, craftIndex, craftTar, type CraftedImage } from './crafted-image.fixture.ts';
import { inPieces, memoryRemote } from './memory-remote.fixture.ts';
import type { PullEvent } from './pull-image.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

const noise = (sizeBytes: number): Buffer => randomBytes(sizeBytes);
const isFault = (code: FaultCode) => (error: unknown) => Fault.is(error, code);

test('an image is stored whole: manifest, config, layers, in each packing and family of media types', async () => {
  for (const family of ['oci', 'docker'] as const) {
    using stores = testStores();
    const packings = ['gzip', 'zstd', 'none'] as const;
    const image = craftImage(
      packings.map((packing) => ({ files: { [packing]: noise(5000) }, packing })),
      { family },
    );
    const { image: pulled, changed, targetDigest } = await stores.pull(memoryRemote(image));
    assert.equal(changed, true);
    assert.equal(targetDigest, image.descriptor.digest);
    assert.deepEqual([pulled.imageId, pulled.chain], [image.imageId, image.diffIds]);
    assert.deepEqual(pulled.names, ['registry.test/image:1']);
    for (const digest of [pulled.imageId, pulled.manifestDigest]) assert.ok(stores.blobs.verify(digest));
    for (const diffId of pulled.chain) assert.ok(stores.layers.verify(diffId));
    assertNothingHalfDone(stores);
  }
});

test('of an index, the image for the platform is stored, and the digest is that of the index', async () => {
  using stores = testStores();
  const arm = craftImage([{ files: { arm: 'x' } }], { platform: { os: 'linux', architecture: 'arm64' } });
  const amd = craftImage([{ files: { amd: 'x' } }]);
  const index = craftIndex([arm, amd]);
  const { image, targetDigest } = await stores.pull(memoryRemote(index));
  assert.equal(image.imageId, amd.imageId);
  assert.equal(targetDigest, index.descriptor.digest);
});

test('only what is missing is fetched', async () => {
  using stores = testStores();
  const base = { files: { base: noise(1000) } };
  const remote = memoryRemote(craftImage([base]));
  await stores.pull(remote);
  remote.requests.length = 0;
  assert.equal((await stores.pull(remote)).changed, false);
  assert.deepEqual(remote.requests, []);

  const child = craftImage([base, { files: { top: noise(1000) } }]);
  const other = memoryRemote(child);
  const events: string[] = [];
  await stores.pull(other, 'registry.test/child:1', {
    onEvent: (event) => void (event.kind === 'layer' && events.push(`${event.digest} ${event.state}`)),
  });
  assert.deepEqual(other.requests, [`blob ${child.imageId} from 0`, `blob ${child.layers[1]?.digest} from 0`]);
  const [below, top] = child.layers.map((layer) => layer.digest);
  assert.deepEqual(events, [`${top} waiting`, `${below} exists`, `${top} done`]);
});

test('two pulls at once fetch each blob once', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: noise(2000) } }, { files: { b: noise(2000) } }]);
  const remote = memoryRemote(image);
  await Promise.all([stores.pull(remote, 'registry.test/a:1'), stores.pull(remote, 'registry.test/b:1')]);
  assert.deepEqual(
    remote.requests.toSorted(),
    [image.imageId, ...image.layers.map(({ digest }) => digest)].map((each) => `blob ${each} from 0`).toSorted(),
  );
  assert.deepEqual(stores.images.get(image.imageId)?.names, ['registry.test/a:1', 'registry.test/b:1']);
});

test('a download that was cut goes on where it was', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: noise(10_000) } }]);
  const remote = memoryRemote(image);
  remote.send = cutShort;
  stores.blobs.put(image.blobs.get(image.imageId) ?? Buffer.alloc(0), { holder: stores.holder });
  await assert.rejects(stores.pull(remote), (error) => {
    assert.ok(Fault.is(error, 'unavailable'));
    assert.equal(error.hint, 'the first 3200 bytes are kept: the next pull goes on behind them');
    return true;
  });
  assert.equal(stores.images.list().length, 0);
  remote.send = inPieces;
  await stores.pull(remote);
  const [layer] = image.layers;
  assert.deepEqual(remote.requests, [`blob ${layer?.digest} from 0`, `blob ${layer?.digest} from 3200`]);
  assert.ok(stores.layers.verify(image.diffIds[0] as never));
  assertNothingHalfDone(stores);
});

test('so does that of a layer that is sent as its tar, which is kept once', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: noise(10_000) }, packing: 'none' }]);
  const [layer] = image.layers as [CraftedImage['layers'][number]];
  const remote = memoryRemote(image);
  remote.send = (bytes, { digest }) => (digest === layer.digest ? cutShort(bytes) : inPieces(bytes));
  await assert.rejects(stores.pull(remote), isFault('unavailable'));
  remote.send = inPieces;
  await stores.pull(remote);
  assert.deepEqual(remote.requests.slice(1), [`blob ${layer.digest} from 0`, `blob ${layer.digest} from 3200`]);
  assert.ok(stores.layers.verify(image.diffIds[0] as never));
  assert.equal(stores.blobs.stat(layer.digest), undefined);
  assertNothingHalfDone(stores);
});

test('what is here of a download is told before anything more comes', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: noise(10_000) } }]);
  const remote = memoryRemote(image);
  remote.send = (bytes, { digest }) => (digest === image.imageId ? inPieces(bytes) : cutShort(bytes));
  const heard: number[] = [];
  const onEvent = (event: PullEvent): void => void (event.kind === 'bytes' && heard.push(event.doneBytes));
  await assert.rejects(stores.pull(remote, undefined, { onEvent }), isFault('unavailable'));
  assert.deepEqual([heard[0], heard.at(-1)], [0, 3200]);
  heard.length = 0;
  remote.send = inPieces;
  await stores.pull(remote, undefined, { onEvent });
  assert.deepEqual(heard.slice(0, 2), [3200, 3264]);
});

test('what is left of a download and is wrong is begun again by the same pull', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: noise(10_000) } }]);
  const [layer] = image.layers as [CraftedImage['layers'][number]];
  {
    using writer = stores.blobs.writer({ holder: stores.holder, digest: layer.digest, sizeBytes: layer.size });
    writer.write(noise(4000));
  }
  const remote = memoryRemote(image);
  await stores.pull(remote);
  assert.deepEqual(remote.requests.at(-1), `blob ${layer.digest} from 0`);
  assertNothingHalfDone(stores);
});

const wrongBytes: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['noise', (bytes) => noise(bytes.length)],
  ['another layer of the same length', (bytes) => sameLengthGzip(bytes.length)],
  ['one bit changed at the end', (bytes) => flipped(bytes, bytes.length - 1)],
  ['one bit changed in the middle', (bytes) => flipped(bytes, bytes.length >> 1)],
];
for (const [what, change] of wrongBytes) {
  test(`a blob with the wrong digest (${what}) is refused, and the next pull works`, async () => {
    using stores = testStores();
    const image = craftImage([{ files: { a: noise(10_000) } }]);
    const remote = memoryRemote(image);
    remote.send = (bytes, { digest }) => inPieces(digest === image.imageId ? bytes : change(bytes));
    await assert.rejects(stores.pull(remote), (error) => {
      assert.ok(Fault.is(error, 'corrupt') || Fault.is(error, 'invalid'), String(error));
      return error.message.includes(image.layers[0]?.digest ?? '');
    });
    assert.deepEqual([stores.images.list(), stores.layers.list()], [[], []]);
    assertNothingHalfDone(stores);
    remote.send = inPieces;
    await stores.pull(remote);
    assertNothingHalfDone(stores);
  });
}

test('check size, digest and DiffID, all three: a layer that is not what the config says is refused', async () => {
  using stores = testStores();
  const tar = craftTar({ a: 'as announced' });
  const lie = craftImage([{ tar }]);
  const other = craftImage([{ files: { a: 'something else' } }]);
  const blobs = new Map(lie.blobs);
  const manifest = JSON.parse(String(lie.blobs.get(lie.descriptor.digest))) as { layers: unknown[] };
  manifest.layers = [...other.layers];
  const bytes = Buffer.from(JSON.stringify(manifest));
  for (const [digest, blob] of other.blobs) blobs.set(digest, blob);
  const digest = digestOf(bytes);
  blobs.set(digest, bytes);
  const remote = memoryRemote({ ...lie, blobs, descriptor: { ...lie.descriptor, digest, size: bytes.length } });
  await assert.rejects(stores.pull(remote), isFault('corrupt'));
  assert.deepEqual([stores.images.list(), stores.layers.list()], [[], []]);
});

test('a layer that inflates out of all proportion is refused', async () => {
  using stores = testStores();
  // What gzip makes of zeros cannot exceed 1032 to 1; zstd has no such bound.
  const image = craftImage([{ tar: Buffer.concat([craftTar({}), Buffer.alloc(200 << 20)]), packing: 'zstd' }]);
  await assert.rejects(stores.pull(memoryRemote(image)), isFault('exhausted'));
  assert.deepEqual(stores.layers.list(), []);
  assertNothingHalfDone(stores);
});

test('the first layer that fails stops the others, and nothing gets a name', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: noise(1 << 20) } }, { files: { b: noise(1000) } }]);
  const remote = memoryRemote(image);
  remote.send = function* failing(bytes, { digest }) {
    if (digest === image.layers[1]?.digest) throw new Fault('unavailable', 'memory: no longer there');
    yield* inPieces(bytes);
  };
  await assert.rejects(stores.pull(remote), (error) => {
    assert.ok(Fault.is(error, 'unavailable'));
    return error.message.includes('no longer there');
  });
  assert.deepEqual(stores.images.list(), []);
});

test('a pull that is cancelled ends at once and leaves no name', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: noise(100_000) } }]);
  const stop = new AbortController();
  const onEvent = (event: { readonly kind: string }): void => {
    if (event.kind === 'bytes') stop.abort(new Fault('cancelled', 'enough'));
  };
  await assert.rejects(
    stores.pull(memoryRemote(image), undefined, { signal: stop.signal, onEvent }),
    isFault('cancelled'),
  );
  assert.deepEqual(stores.images.list(), []);
});

test('a manifest and a config that disagree about the layers are refused before any layer is fetched', async () => {
  using stores = testStores();
  const two = craftImage([{ files: { a: 'a' } }, { files: { b: 'b' } }]);
  const bytes = Buffer.from(String(two.blobs.get(two.descriptor.digest)).replace(/,\{[^{]*\}\]/, ']'));
  const descriptor = { ...two.descriptor, digest: digestOf(bytes), size: bytes.length };
  const remote = memoryRemote({ ...two, descriptor, blobs: new Map([...two.blobs, [descriptor.digest, bytes]]) });
  await assert.rejects(stores.pull(remote), isFault('invalid'));
  assert.deepEqual(remote.requests, [`blob ${two.imageId} from 0`]);
});

test('a layer that registries do not have is named before anything is fetched', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: 'a' } }], { family: 'docker' });
  const text = String(image.blobs.get(image.descriptor.digest));
  const bytes = Buffer.from(text.replace('rootfs.diff.tar.gzip', 'rootfs.foreign.diff.tar.gzip'));
  const descriptor = { ...image.descriptor, digest: digestOf(bytes), size: bytes.length };
  const remote = memoryRemote({ ...image, descriptor, blobs: new Map([...image.blobs, [descriptor.digest, bytes]]) });
  await assert.rejects(stores.pull(remote), isFault('unsupported'));
  assert.deepEqual(remote.requests, [`blob ${image.imageId} from 0`]);
});

test('a layer twice in an image is fetched once', async () => {
  using stores = testStores();
  const layer = { files: { a: noise(1000) } };
  const image = craftImage([layer, { files: { b: 'b' } }, layer]);
  const remote = memoryRemote(image);
  const { image: pulled } = await stores.pull(remote);
  assert.equal(remote.requests.length, 3);
  assert.equal(pulled.chain[0], pulled.chain[2]);
});

test('an image without layers is an image', async () => {
  using stores = testStores();
  const { image } = await stores.pull(memoryRemote(craftImage([])));
  assert.deepEqual(image.chain, []);
});

test('what is fetched is held before it is looked for', async () => {
  using stores = testStores();
  const image = craftImage([{ files: { a: 'a' } }]);
  const held: string[] = [];
  stores.holder.add = (...[digest]: string[]) => void held.push(digest ?? '');
  await stores.pull(memoryRemote(image));
  const needed = [image.imageId, image.descriptor.digest, image.layers[0]?.digest, ...image.diffIds.map(toDigest)];
  for (const digest of needed) assert.ok(held.includes(digest ?? ''), `${digest} was not held`);
});

function assertNothingHalfDone({ root }: TestStores): void {
  assert.deepEqual(readdirSync(join(root, 'ingest')), []);
}

function* cutShort(bytes: Buffer): Iterable<Buffer> {
  yield* [...inPieces(bytes)].slice(0, 50);
  throw new Fault('unavailable', 'memory: cut');
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

function sameLengthGzip(length: number): Buffer {
  const bytes = gzipSync(craftTar({ other: noise(length - 1000) }));
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length))]).subarray(0, length);
}
