import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Fault, type FaultCode } from '../errors/index.ts';
import { temporaryDirectory } from '../host/temporary-directory.fixture.ts';
import { archiveFile, attestationOf, layoutArchive, tarOf } from '../image/archive.fixture.ts';
import { craftImage, craftIndex, type CraftedImage } from '../image/crafted-image.fixture.ts';
import { digestOf, hexOf } from '../oci/index.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../registry/docker-registry.fixture.ts';
import type { CopyResult } from './images.ts';
import { testStore, type TestStore } from './test-store.fixture.ts';

const signal = new AbortController().signal;
const name = 'registry.test/app:1';
const base = craftImage([{ files: { base: randomBytes(50_000) } }]);
const image = craftImage([
  { tar: gunzipSync(base.blobs.get(base.layers[0]?.digest ?? base.imageId) ?? '') },
  { files: { a: 'a' }, packing: 'zstd' },
]);

test(
  'every pair of places: manifests byte for byte where both keep them, the image ID always',
  { skip: dockerRegistryMissing },
  async () => {
    await using at = await testStore();
    await using registry = await startDockerRegistry();
    using folder = temporaryDirectory('/tmp');
    await load(at, image);
    const places = (use: string): readonly Place[] => [
      { kind: 'store', text: `store:registry.test/${use}:1` },
      { kind: 'registry', text: `docker://${registry.host}/${use}/app:1` },
      { kind: 'oci', text: `oci:${folder.path}/${use}:one` },
      { kind: 'oci-archive', text: `oci-archive:${folder.path}/${use}.tar:one` },
      { kind: 'docker-archive', text: `docker-archive:${folder.path}/${use}-docker.tar:a/app:1` },
    ];
    for (const source of places('from')) {
      await copy(at, name, source.text);
      for (const target of places(`to-${source.kind}`)) {
        await copy(at, source.text, target.text);
        const what = `${source.kind} to ${target.kind}`;
        assert.equal(imageIdAt(at, target), image.imageId, what);
        if (source.kind === 'docker-archive' || target.kind === 'docker-archive') continue;
        assert.equal(manifestAt(at, target), image.descriptor.digest, what);
      }
    }
  },
);

test(
  'an index goes from place to place with all that it names, byte for byte',
  { skip: dockerRegistryMissing },
  async () => {
    await using at = await testStore();
    await using registry = await startDockerRegistry();
    using folder = temporaryDirectory('/tmp');
    const arm = craftImage([{ files: { a: 'arm' } }], { platform: { os: 'linux', architecture: 'arm64' } });
    const statement = Buffer.from('{"_type":"https://in-toto.io/Statement/v0.1"}');
    const index = craftIndex([image, arm, attestationOf(statement)]);
    await using other = await testStore();
    await load(at, index);
    const route: readonly Place[] = [
      { kind: 'registry', text: `docker://${registry.host}/all/app:1` },
      { kind: 'oci', text: `oci:${folder.path}/all` },
      { kind: 'oci-archive', text: `oci-archive:${folder.path}/all.tar` },
    ];
    let from = name;
    for (const { kind, text } of route) {
      const { digest, changed } = await copy(at, from, text, { all: true });
      assert.deepEqual([digest, changed], [index.descriptor.digest, true], kind);
      from = text;
    }
    assert.equal((await copy(other, from, 'registry.test/back:1', { all: true })).digest, index.descriptor.digest);
    assert.equal(other.store.images.findIndex('registry.test/back:1')?.members.length, 2);
    await prune(other);
    assert.equal(other.store.blobs.verify(digestOf(statement)), true);
    await other.engine.images.remove('registry.test/back:1', { force: false });
    await prune(other);
    assert.deepEqual([other.store.blobs.list(), other.store.layers.list()], [[], []]);
    const alone = await copy(at, `oci:${folder.path}/all`, 'store:registry.test/arm:1', { platform: 'linux/arm64' });
    assert.equal(alone.digest, arm.descriptor.digest);
  },
);

test(
  'a second machine pulls an index whole; a name of it means its own platform',
  { skip: dockerRegistryMissing },
  async () => {
    await using at = await testStore();
    await using other = await testStore();
    await using registry = await startDockerRegistry();
    const arm = craftImage([{ files: { a: 'arm' } }], { platform: { os: 'linux', architecture: 'arm64' } });
    const index = craftIndex([arm, image]);
    await load(at, index);
    const reference = `${registry.host}/all/app:1`;
    await copy(at, name, `docker://${reference}`, { all: true });
    const options = { allPlatforms: true, signal, onProgress: () => undefined };
    const pulled = await other.engine.images.pull(reference, options);
    assert.deepEqual([pulled.digest, pulled.imageId, pulled.changed], [index.descriptor.digest, image.imageId, true]);
    assert.equal((await other.engine.images.pull(reference, options)).changed, false);
    assert.equal((await other.engine.images.pull(reference, { ...options, allPlatforms: false })).changed, false);
    assert.equal(other.store.images.findIndex(reference)?.digest, index.descriptor.digest);
    await whole(other);
  },
);

test('what is there already is not sent again, and says so', async () => {
  await using at = await testStore();
  using folder = temporaryDirectory('/tmp');
  await load(at, image);
  const layout = `oci:${folder.path}/layout:one`;
  assert.equal((await copy(at, name, layout)).changed, true);
  assert.equal((await copy(at, name, layout)).changed, false);
  await copy(at, name, `oci:${folder.path}/layout:two`);
  const index = JSON.parse(readFileSync(join(folder.path, 'layout/index.json'), 'utf8')) as { manifests: unknown[] };
  assert.equal(index.manifests.length, 2);
  assert.equal((await copy(at, layout, name)).changed, false);
});

test('what cannot be copied says why, and leaves nothing behind', async () => {
  await using at = await testStore();
  using folder = temporaryDirectory('/tmp');
  await load(at, image);
  const other = craftImage([{ files: { b: 'b' } }]);
  const third = craftImage([{ files: { c: 'c' } }]);
  const archive = join(folder.path, 'two.tar');
  writeFileSync(
    archive,
    tarOf(
      layoutArchive([
        { image, name },
        { image: other, name: 'registry.test/b:1' },
      ]),
    ),
  );
  const broken = join(folder.path, 'broken.tar');
  const layer = `blobs/sha256/${hexOf(third.layers[0]?.digest ?? digestOf(''))}`;
  const members = layoutArchive([{ image: third, name }]);
  const size = third.layers[0]?.size ?? 0;
  writeFileSync(
    broken,
    tarOf(members.map((each) => (each.path === layer ? archiveFile(layer, Buffer.alloc(size)) : each))),
  );
  writeFileSync(join(folder.path, 'file'), '');
  const before = readdirSync(folder.path);
  const cases: readonly [string, string, FaultCode, RegExp][] = [
    ['oci:', 'store:x', 'invalid', /names no place/],
    ['dir:/tmp/x', 'store:x', 'invalid', /names no place/],
    ['registry.test/a/b', 'store:x', 'not-found', /no such image/],
    [`docker-archive:${folder.path}/none.tar`, 'store:x', 'not-found', /read image archive .*none\.tar: no such file/],
    ['nothing', 'store:x', 'not-found', /no such image: nothing/],
    [`oci:${folder.path}/none`, 'store:x', 'invalid', /none/],
    [`oci-archive:${archive}`, 'store:x', 'invalid', /several images/],
    [`docker-archive:${archive}`, 'store:x', 'invalid', /several images/],
    [`docker-archive:${archive}:c`, 'store:x', 'not-found', /there is no c in it/],
    [name, `docker://127.0.0.1:1/a@${digestOf('')}`, 'invalid', /a tag, not a digest/],
    [`oci-archive:${broken}`, 'store:x', 'corrupt', /layer sha256/],
    [`oci-archive:${broken}`, `oci-archive:${folder.path}/made.tar`, 'corrupt', /its bytes are not what/],
    [name, `oci:${folder.path}`, 'invalid', /there is no oci-layout/],
  ];
  for (const [from, to, code, message] of cases) {
    await assert.rejects(
      copy(at, from, to).then(() => assert.fail(`${from} ${to}`)),
      (error) => {
        assert.ok(Fault.is(error, code), `${from} ${to}: ${String(error)}`);
        assert.match(error.message, message);
        return true;
      },
    );
  }
  assert.deepEqual(readdirSync(folder.path), before);
  assert.equal(at.store.images.find('x'), undefined);
  await whole(at);
});

test('an archive that is saved without the layers of a base is completed by the store that has the base', async () => {
  for (const format of ['oci', 'docker'] as const) {
    await using at = await testStore();
    await using other = await testStore();
    await load(at, image);
    await load(at, base, 'registry.test/base:1');
    const archive = await saved(at, [name], { format, since: ['registry.test/base:1'] });
    const whole = await saved(at, [name], { format });
    assert.ok(archive.length < 50_000 && whole.length > 50_000);
    await assert.rejects(
      loadBytes(other, archive),
      (error) => Fault.is(error, 'not-found') && error.message.includes(`${base.diffIds[0]} (of registry.test/base:1)`),
    );
    assert.deepEqual(other.store.images.list(), []);
    await load(other, base, 'registry.test/base:1');
    await loadBytes(other, archive);
    assert.equal(other.store.images.find(name)?.imageId, image.imageId);
  }
});

interface Place {
  readonly kind: 'store' | 'registry' | 'oci' | 'oci-archive' | 'docker-archive';
  readonly text: string;
}

interface CopyTestOptions {
  readonly all?: boolean;
  readonly platform?: string;
}

function copy({ engine }: TestStore, from: string, to: string, options: CopyTestOptions = {}): Promise<CopyResult> {
  return engine.images.copy(from, to, { all: false, ...options, signal, onProgress: () => undefined });
}

async function load(at: TestStore, crafted: CraftedImage, under = name): Promise<void> {
  await loadBytes(at, tarOf(layoutArchive([{ image: crafted, name: under }])));
}

async function loadBytes({ engine }: TestStore, bytes: Buffer): Promise<void> {
  await engine.images.load(once(bytes), { signal, onProgress: () => undefined });
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

async function saved(
  { engine }: TestStore,
  names: readonly string[],
  options: { readonly format: 'oci' | 'docker'; readonly since?: readonly string[] },
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await engine.images.save(names, { ...options, signal, write: async (chunk) => void chunks.push(Buffer.from(chunk)) });
  return Buffer.concat(chunks);
}

/** By skopeo, where it is not the store. */
function manifestAt(at: TestStore, place: Place): string | undefined {
  if (place.kind === 'store') return at.store.images.find(place.text.slice('store:'.length))?.manifestDigest;
  return digestOf(skopeo('inspect', '--raw', ...insecure(place), place.text));
}

function imageIdAt(at: TestStore, place: Place): string | undefined {
  if (place.kind === 'store') return at.store.images.find(place.text.slice('store:'.length))?.imageId;
  return digestOf(skopeo('inspect', '--config', '--raw', ...insecure(place), place.text));
}

function insecure({ kind }: Place): readonly string[] {
  return kind === 'registry' ? ['--tls-verify=false'] : [];
}

function skopeo(...args: readonly string[]): Buffer {
  return execFileSync('/usr/bin/skopeo', args);
}

/** Of all that nothing needs; the rest is whole. */
async function prune(at: TestStore): Promise<void> {
  await at.engine.system.prune({ all: false, dryRun: false, signal });
  await whole(at);
}

async function whole({ engine }: TestStore): Promise<void> {
  const { findings } = await engine.system.check({ repair: false, signal, onProgress: () => undefined });
  assert.deepEqual(findings, []);
}
