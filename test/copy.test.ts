/** `varve copy` between every two places, seen by skopeo and umoci: the same image, the same tree. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { walkMounted, type Seen } from '../src/erofs/mounted-tree.fixture.ts';
import { archiveFile, attestationOf, layoutArchive, tarOf } from '../src/image/archive.fixture.ts';
import { craftImage, craftIndex } from '../src/image/crafted-image.fixture.ts';
import { digestOf } from '../src/oci/index.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../src/registry/docker-registry.fixture.ts';
import { needsRoot, runProgram, TestStore, type Ended } from './test-store.ts';

const skip = needsRoot || dockerRegistryMissing || (!existsSync('/usr/bin/umoci') && 'umoci is not installed');
const kinds = ['store', 'docker', 'oci', 'oci-archive', 'docker-archive'] as const;
type Kind = (typeof kinds)[number];

test('an image from each kind of place to each: the same ID, the same tree', { skip }, async (t) => {
  await using store = new TestStore();
  await using registry = await startDockerRegistry();
  const id = await builtImage(store);
  const place = (kind: Kind, use: string): string => placeOf(kind, { use, store, host: registry.host });
  const first = join(store.folder, 'first');
  await store.ok(['copy', 'app:1', `oci:${first}:1`]);
  const expected = await treeOf(store, `oci:${first}:1`);
  assert.deepEqual(
    ['/etc/motd', '/etc/gone', '/link'].map((path) => expected.has(path.slice(1)) || expected.has(path)),
    [true, false, true],
  );
  for (const from of kinds) {
    await store.ok(['copy', '-q', 'app:1', place(from, 'from')]);
    await t.test(`from ${from}`, async () => {
      for (const to of kinds) {
        const target = place(to, `to-${from}`);
        const { stdout } = await store.ok(['copy', '-q', place(from, 'from'), target]);
        assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
        assert.equal(await imageId(store, target), id, `${from} to ${to}`);
        assert.deepEqual(await treeOf(store, target), expected, `${from} to ${to}`);
      }
    });
  }
});

test('an index goes round all places that keep manifests, whole or one platform of it', { skip }, async () => {
  await using store = new TestStore();
  await using registry = await startDockerRegistry();
  const here = craftImage([{ files: { a: 'here' } }, { files: { b: 'b' }, packing: 'zstd' }]);
  const arm = craftImage([{ files: { a: 'arm' } }], { platform: { os: 'linux', architecture: 'arm64' } });
  const index = craftIndex([here, arm, attestationOf(Buffer.from('{}'))]);
  const archive = join(store.folder, 'index.tar');
  writeFileSync(archive, tarOf(layoutArchive([{ image: index, name: 'registry.test/app:1' }])));
  let from = `oci-archive:${archive}`;
  for (const kind of ['docker', 'oci', 'oci-archive', 'store'] as const) {
    const to = placeOf(kind, { use: `round-${kind}`, store, host: registry.host });
    await store.ok(['copy', '--all-platforms', from, to]);
    if (kind !== 'store') assert.equal(await rawDigest(to), index.descriptor.digest, `${from} to ${to}`);
    const one = placeOf(kind, { use: 'one', store, host: registry.host });
    const { stdout } = await store.ok(['copy', '-q', '--platform', 'linux/arm64', from, one]);
    assert.equal(stdout, `${arm.descriptor.digest}\n`, `${from} to ${one}`);
    const pinned = to.startsWith('docker:') ? to.replace(/:[^:/]*$/, `@${here.descriptor.digest}`) : undefined;
    if (pinned !== undefined) {
      assert.equal((await store.ok(['copy', '-q', pinned, one])).stdout, `${here.descriptor.digest}\n`);
    }
    from = to;
  }
  const { stdout } = await store.ok(['push', '--all-platforms', ...(await tagged(store, from, registry.host))]);
  assert.ok(stdout.includes(index.descriptor.digest), stdout);
});

test(
  'layers that were made here are compressed as asked for, and never where they stay what they are',
  { skip },
  async () => {
    await using store = new TestStore();
    await using registry = await startDockerRegistry();
    const id = await builtImage(store);
    const at = (kind: Kind, use: string): string => placeOf(kind, { use, store, host: registry.host });
    for (const [kind, compression] of [
      ['docker', 'zstd'],
      ['oci', 'zstd'],
      ['oci-archive', 'gzip'],
      ['docker', 'uncompressed'],
    ] as const) {
      const target = at(kind, compression);
      await store.ok(['copy', '-q', `--compression=${compression}`, 'app:1', target]);
      const { layers } = JSON.parse(await raw(target)) as { layers: { mediaType: string }[] };
      const suffix = compression === 'uncompressed' ? 'tar' : `tar+${compression}`;
      assert.ok(
        layers.every(({ mediaType }) => mediaType.endsWith(suffix)),
        JSON.stringify(layers),
      );
      assert.equal(await imageId(store, target), id);
    }
    for (const [from, to] of [
      [at('docker', 'zstd'), at('oci', 'no')],
      ['app:1', at('docker-archive', 'no')],
      [at('oci', 'zstd'), 'store:no:1'],
    ] as const) {
      const refused = await store.run(['copy', '--compression=zstd', from, to]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /are not compressed on the way/);
    }
    const refused = await store.run(['push', '--all-platforms', ...(await tagged(store, 'app:1', registry.host))]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /it is the image for one platform, not an index/);
  },
);

test('what is said beside an unknown place, tag or file', { skip }, async () => {
  await using store = new TestStore();
  const files = [archiveFile('etc/motd', Buffer.from('no image'))];
  writeFileSync(join(store.folder, 'no-image.tar'), tarOf(files));
  for (const [from, says] of [
    ['docker://127.0.0.1:1/app', /ECONNREFUSED/],
    [`oci:${store.folder}/none`, /none/],
    [`oci-archive:${store.folder}/none.tar`, /none\.tar/],
    [`docker-archive:${store.folder}/none.tar`, /none\.tar/],
    [`docker-archive:${store.folder}/no-image.tar`, /no-image\.tar/],
    ['store:none', /no such image: none/],
  ] as const) {
    const ended = await store.run(['copy', from, 'store:copy:1']);
    assert.equal(ended.code, 1, from);
    assert.match(ended.stderr, says);
    assert.doesNotMatch(ended.stderr, /internal|\.ts:/);
  }
});

interface Where {
  readonly use: string;
  readonly store: TestStore;
  readonly host: string;
}

function placeOf(kind: Kind, { use, store, host }: Where): string {
  switch (kind) {
    case 'store':
      return `store:registry.test/${use}:1`;
    case 'docker':
      return `docker://${host}/${use}/app:1`;
    case 'docker-archive':
      return `docker-archive:${store.folder}/${use}-docker.tar:app:1`;
    case 'oci':
      return `oci:${store.folder}/${use}:1`;
    case 'oci-archive':
      return `oci-archive:${store.folder}/${use}.tar:1`;
  }
}

/** With what is hard to keep: links, owners, a whiteout, an opaque folder. */
async function builtImage(store: TestStore): Promise<string> {
  await store.busybox();
  const context = store.context('app', {
    Dockerfile: [
      'FROM busybox:local',
      'COPY --chown=7:8 files /etc/',
      'RUN ln -s etc/motd /link && ln /etc/motd /hard && chmod 4711 /etc/motd',
      'RUN rm /etc/gone && rm -r /etc/folder && mkdir /etc/folder && echo new > /etc/folder/new',
    ].join('\n'),
    'files/motd': 'hello\n',
    'files/gone': 'x',
    'files/folder/old': 'x',
  });
  await store.ok(['build', '-q', '-t', 'app:1', context]);
  return (await store.ok(['inspect', '--format', '{{.Id}}', 'app:1'])).stdout.trim();
}

let unpacked = 0;

/** By umoci, from a layout that skopeo made of the place. */
async function treeOf(store: TestStore, place: string): Promise<ReadonlyMap<string, Seen>> {
  const number = ++unpacked;
  const layout = `${store.folder}/seen-${number}`;
  if (place.startsWith('store:')) {
    const archive = join(store.folder, `seen-${number}.tar`);
    await store.ok(['save', '-o', archive, place.slice('store:'.length)]);
    await skopeo('copy', '--quiet', `oci-archive:${archive}`, `oci:${layout}:1`);
  } else await skopeo('copy', '--quiet', '--src-tls-verify=false', place, `oci:${layout}:1`);
  const bundle = `${layout}-bundle`;
  const ended = await runProgram('/usr/bin/umoci', ['unpack', '--image', `${layout}:1`, bundle]);
  assert.equal(ended.code, 0, ended.stderr);
  return walkMounted(join(bundle, 'rootfs'));
}

async function imageId(store: TestStore, place: string): Promise<string> {
  if (place.startsWith('store:')) {
    return (await store.ok(['inspect', '--format', '{{.Id}}', place.slice('store:'.length)])).stdout.trim();
  }
  const { stdout } = await skopeo('inspect', '--config', '--raw', ...lax(place), place);
  return digestOf(Buffer.from(stdout));
}

async function raw(place: string): Promise<string> {
  return (await skopeo('inspect', '--raw', ...lax(place), place)).stdout;
}

async function rawDigest(place: string): Promise<string> {
  return digestOf(Buffer.from(await raw(place)));
}

function lax(place: string): readonly string[] {
  return place.startsWith('docker:') ? ['--tls-verify=false'] : [];
}

/** The name that a push takes for what is in the store under another. */
async function tagged(store: TestStore, place: string, host: string): Promise<readonly [string]> {
  const name = `${host}/pushed/app:1`;
  await store.ok(['tag', place.replace(/^store:/, ''), name]);
  return [name];
}

async function skopeo(...args: readonly string[]): Promise<Ended> {
  const ended = await runProgram('/usr/bin/skopeo', ['--insecure-policy', ...args]);
  assert.equal(ended.code, 0, `skopeo ${args.join(' ')}: ${ended.stderr}`);
  return ended;
}
