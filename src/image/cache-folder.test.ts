import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeManifest, mediaTypes, type DiffId } from '../oci/index.ts';
import { openDirectoryTarget, openLayoutDirectory } from '../registry/index.ts';
import { readCacheArtifact } from './cache-artifact.ts';
import { holdCacheFolder, writeCacheFolder } from './cache-folder.ts';
import { craftTar, linuxAmd64 } from './crafted-image.fixture.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

class CacheFolder implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'varve-cache-folder-'));
  readonly path = join(this.#home, 'deep/cache');
  readonly stores: TestStores = testStores();

  layer(text: string): DiffId {
    const { layers, holder } = this.stores;
    using writer = layers.writer({ holder });
    writer.write(craftTar({ file: text }));
    return writer.commit().diffId;
  }

  write(tag: string, texts: readonly string[]): Promise<void> {
    const { blobs, layers, images, holder, state } = this.stores;
    return writeCacheFolder(
      this.path,
      { records: Buffer.from(`records of ${tag}: ${texts.join()}`), layers: texts.map((text) => this.layer(text)) },
      {
        blobs,
        layers,
        images,
        holder,
        tag,
        onProgress: () => undefined,
        packing: { kind: 'gzip', level: undefined, isForced: false },
        memory: { records: state.compressedLayers, locks: state.locks },
        signal: new AbortController().signal,
      },
    );
  }

  /** Each tag with its records and how many of its layers are there. */
  async read(tag: string): Promise<string> {
    const layout = await openLayoutDirectory(this.path);
    const { signal } = new AbortController();
    const options = { platform: linuxAmd64, maxRecordsBytes: 1e6, signal };
    const { records, layers } = await readCacheArtifact(layout, tag, options);
    const files = this.blobs();
    const there = [...layers.values()].filter(({ digest }) => files.includes(digest.slice(7)));
    return `${Buffer.from(records).toString()} (${there.length} of ${layers.size})`;
  }

  blobs(): readonly string[] {
    return readdirSync(join(this.path, 'blobs/sha256'));
  }

  [Symbol.dispose](): void {
    this.stores[Symbol.dispose]();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** What one cache is: its layers, the list of records, the empty config, the manifest. */
const files = (layers: number): number => layers + 3;

test('a cache in a folder takes the place of the one of its tag, and what no cache names goes', async () => {
  using folder = new CacheFolder();
  await folder.write('latest', ['a', 'b']);
  assert.equal(folder.blobs().length, files(2));
  await folder.write('latest', ['b', 'c', 'd']);
  assert.equal(folder.blobs().length, files(3));
  assert.equal(await folder.read('latest'), 'records of latest: b,c,d (3 of 3)');
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['blobs', 'index.json', 'oci-layout']);
});

test('caches of other tags stay whole', async () => {
  using folder = new CacheFolder();
  await folder.write('one', ['a', 'b']);
  await folder.write('two', ['b', 'c']);
  await folder.write('two', ['c']);
  assert.equal(await folder.read('one'), 'records of one: a,b (2 of 2)');
  assert.equal(await folder.read('two'), 'records of two: c (1 of 1)');
});

test('while somebody reads there nothing is deleted; the next one does it', async () => {
  using folder = new CacheFolder();
  await folder.write('latest', ['a']);
  const [first, second] = [holdCacheFolder(folder.path), holdCacheFolder(folder.path)];
  first?.release();
  await folder.write('latest', ['b']);
  assert.equal(folder.blobs().length, files(1) + 3, 'the old layer, records and manifest');
  second?.release();
  await folder.write('latest', ['b']);
  assert.equal(folder.blobs().length, files(1));
});

test('several that write at once come one after the other, and all of them are there', async () => {
  using folder = new CacheFolder();
  const tags = ['one', 'two', 'three', 'four'];
  await Promise.all(tags.map((tag) => folder.write(tag, ['shared', tag])));
  for (const tag of tags) assert.equal(await folder.read(tag), `records of ${tag}: shared,${tag} (2 of 2)`);
});

test('what a killed writer left is no obstacle, and goes', async () => {
  using folder = new CacheFolder();
  await folder.write('latest', ['a']);
  const left = join(folder.path, 'blobs/sha256', `.${'0'.repeat(64)}.12345678`);
  writeFileSync(left, 'half');
  writeFileSync(join(folder.path, 'index.json.lock'), '');
  rmSync(join(folder.path, 'index.json'));
  await folder.write('latest', ['b']);
  assert.equal(existsSync(left), false);
  assert.equal(folder.blobs().length, files(1));
});

test('a folder that has an image too is not swept', async () => {
  using folder = new CacheFolder();
  await folder.write('latest', ['a']);
  await using target = await openDirectoryTarget(folder.path);
  const index = encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests: [] });
  await target.putManifest(index, { mediaType: mediaTypes.ociIndex, tag: 'image' });
  await folder.write('latest', ['b']);
  assert.equal(folder.blobs().length, files(1) + 3 + 1);
  assert.equal(await folder.read('latest'), 'records of latest: b (1 of 1)');
});

test('where nothing is there is nothing to hold', () => {
  assert.equal(holdCacheFolder('/nowhere/at/all'), undefined);
});
