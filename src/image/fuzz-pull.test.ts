import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { digestOf, type Digest } from '../oci/index.ts';
import { randomDraws, type Draw } from '../std/random-numbers.fixture.ts';
import { craftImage, craftIndex, type CraftedImage } from './crafted-image.fixture.ts';
import { memoryRemote } from './memory-remote.fixture.ts';
import { testStores } from './test-stores.fixture.ts';

const mutants = 300;

const good = craftImage([
  { files: { 'etc/': '', 'etc/motd': 'hello\n', 'etc/gone': 'x' } },
  { files: { 'etc/.wh.gone': '', 'etc/motd': 'changed\n' } },
]);

test('a damaged image is pulled as it is or refused, and nothing half-done has a name', async () => {
  const random = randomDraws(20_261_123);
  using stores = testStores();
  let pulled = 0;
  for (let count = 0; count < mutants; count++) {
    const image = damaged(random);
    const name = `registry.test/fuzz:${count}`;
    try {
      await stores.pull(memoryRemote(image), name);
      pulled++;
      assert.notEqual(stores.images.find(name), undefined);
    } catch (error) {
      assert.ok(Fault.is(error) && error.code !== 'internal', String((error as Error).stack));
      assert.equal(stores.images.find(name), undefined, error.message);
    }
  }
  assert.ok(pulled > 0 && pulled < mutants, String(pulled));
  // What is wrong is not kept, so that the next try begins anew.
  const left = readdirSync(join(stores.root, 'ingest'));
  assert.deepEqual(left, []);
  await stores.pull(memoryRemote(good), 'registry.test/good:1');
});

/** One of its parts is damaged, and most digests above it fit again: else nothing below them would ever be looked at. */
function damaged(random: Draw): CraftedImage {
  const [config = '', tar, manifest] = [
    good.blobs.get(good.imageId),
    layerTar(),
    good.blobs.get(good.descriptor.digest),
  ];
  switch (random(4)) {
    case 0:
      return assembled({ manifest: flipped(manifest, random) });
    case 1:
      return assembled({ config: flipped(Buffer.from(config), random) });
    case 2:
      return assembled({ tar: flipped(tar, random) });
    default:
      return assembled({ packed: flipped(gzipSync(tar), random) });
  }
}

function layerTar(): Buffer {
  return gunzipSync(good.blobs.get(good.layers[0]?.digest as Digest) ?? Buffer.alloc(0));
}

interface Parts {
  readonly manifest?: Buffer;
  readonly config?: Buffer;
  readonly tar?: Buffer;
  readonly packed?: Buffer;
}

/** An image of these parts and the good ones, in an index, whose digests fit as far as they can. */
function assembled({ manifest, config, tar = layerTar(), packed = gzipSync(tar) }: Parts): CraftedImage {
  const [first] = good.layers;
  const configBytes = config ?? replaced(good.blobs.get(good.imageId), [[good.diffIds[0] ?? '', digestOf(tar)]]);
  const manifestBytes =
    manifest ??
    replaced(good.blobs.get(good.descriptor.digest), [
      [good.imageId, digestOf(configBytes)],
      [`"size":${good.blobs.get(good.imageId)?.length}`, `"size":${configBytes.length}`],
      [`${first?.digest}","size":${first?.size}`, `${digestOf(packed)}","size":${packed.length}`],
    ]);
  const digest = digestOf(manifestBytes);
  const parts = [configBytes, packed, manifestBytes].map((bytes) => [digestOf(bytes), bytes] as const);
  const descriptor = { mediaType: good.descriptor.mediaType, digest, size: manifestBytes.length };
  return craftIndex([{ ...good, descriptor, blobs: new Map([...good.blobs, ...parts]) }]);
}

function replaced(bytes: Buffer = Buffer.alloc(0), pairs: readonly (readonly [string, string])[]): Buffer {
  return Buffer.from(pairs.reduce((text, [from, to]) => text.replace(from, to), String(bytes)));
}

function flipped(seed: Buffer = Buffer.alloc(0), random: Draw): Buffer {
  const bytes = Buffer.from(seed);
  for (let count = 1 + random(3); count > 0; count--) bytes[random(bytes.length)] = random(256);
  return bytes;
}
