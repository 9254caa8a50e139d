/** Pulls from Debian's docker-registry: what is fetched, what is not, and what people see of it. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { craftImage, craftIndex, craftTar } from '../src/image/crafted-image.fixture.ts';
import { dockerRegistryMissing } from '../src/registry/docker-registry.fixture.ts';
import { watchedRegistry } from './image-registries.ts';
import { needsRoot, repository, TestStore, type Ended } from './test-store.ts';

const skip = needsRoot === false ? dockerRegistryMissing : needsRoot;
interface Inspected {
  readonly Id: string;
  readonly RepoDigests: readonly string[];
  readonly RootFS: unknown;
  readonly Config: { readonly Env: readonly string[] };
}

const noise = (sizeBytes: number): Buffer => randomBytes(sizeBytes);

test('each packing, family of media types and kind of name is pulled', { skip }, async (t) => {
  await using registry = await watchedRegistry();
  await using store = new TestStore();
  const layers = [
    { files: { 'etc/': '', 'etc/one': '1\n', 'etc/two': '2\n' }, packing: 'gzip' },
    { files: { 'etc/one': 'uno\n', 'etc/three': '3\n' }, packing: 'zstd' },
    { files: { 'etc/.wh.two': '' }, packing: 'none' },
  ] as const;
  const config = { Cmd: ['sh'], Env: ['COLOUR=green'], Labels: { about: 'a test' } };
  const oci = craftImage(layers, { config });
  const docker = craftImage(layers, { config, family: 'docker' });
  const arm = craftImage([{ files: { arm: 'x' } }], {
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  });
  await registry.upload(oci, 'team/oci:1');
  await registry.upload(docker, 'team/docker:1');
  await registry.upload(craftIndex([arm, oci]), 'team/index:1');
  await registry.upload(craftIndex([docker], { family: 'docker' }), 'team/list:1');
  const name = (rest: string): string => `${registry.host}/team/${rest}`;

  await t.test('by tag', async () => {
    const pulled = await store.ok(['pull', name('oci:1')]);
    assert.match(pulled.stdout, new RegExp(`Digest: ${oci.descriptor.digest}`));
    assert.match(pulled.stdout, /Status: Downloaded newer image for /);
    assert.equal(pulled.stdout.match(/: Pull complete$/gm)?.length, 3);
    assert.equal((await store.ok(['pull', '-q', name('docker:1')])).stdout, `${name('docker:1')}\n`);
    assert.deepEqual(await idsOf(store, name('oci:1'), name('docker:1')), [oci.imageId, docker.imageId]);
  });

  await t.test('by digest, of a manifest and of an index', async () => {
    await store.ok(['pull', `${registry.host}/team/oci@${oci.descriptor.digest}`]);
    const index = craftIndex([arm, oci]).descriptor.digest;
    const pulled = await store.ok(['pull', `${registry.host}/team/index@${index}`]);
    assert.match(pulled.stdout, new RegExp(`Digest: ${index}`));
    assert.deepEqual(await idsOf(store, `${registry.host}/team/index@${index}`), [oci.imageId]);
    const listed = await store.ok(['images', '--digests', '--format', '{{.Repository}} {{.Tag}}']);
    assert.match(listed.stdout, new RegExp(`^${name('index')} <none>$`, 'm'));
    const digests = await store.ok(['inspect', '--format', '{{json .RepoDigests}}', `${name('index')}@${index}`]);
    assert.ok((JSON.parse(digests.stdout) as string[]).includes(`${name('index')}@${index}`));
  });

  await t.test('of an index, the image for this machine or for the platform that was asked for', async () => {
    await store.ok(['pull', name('index:1')]);
    await store.ok(['pull', name('list:1')]);
    assert.deepEqual(await idsOf(store, name('index:1'), name('list:1')), [oci.imageId, docker.imageId]);
    await store.ok(['pull', '--platform', 'linux/arm64', name('index:1')]);
    assert.deepEqual(await idsOf(store, name('index:1')), [arm.imageId]);
    const none = await store.run(['pull', '--platform', 'linux/s390x', name('index:1')]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no image for linux\/s390x[^]*linux\/arm64/);
  });

  await t.test('what was pulled is shown: images, history, inspect, layers', async () => {
    const listed = (await store.ok(['images', '--no-trunc'])).stdout;
    assert.match(listed, new RegExp(`^${name('oci')} +1 +${oci.imageId} `, 'm'));
    const history = (await store.ok(['history', '--format', '{{.CreatedBy}}', name('oci:1')])).stdout;
    assert.equal(history, 'step 3\nstep 2\nstep 1\n');
    const [inspected] = JSON.parse((await store.ok(['inspect', name('oci:1')])).stdout) as [Inspected];
    assert.equal(inspected.Id, oci.imageId);
    assert.deepEqual(inspected.RootFS, { Type: 'layers', Layers: oci.diffIds });
    assert.deepEqual(inspected.Config.Env, ['COLOUR=green']);
    assert.ok(inspected.RepoDigests.includes(`${name('oci')}@${oci.descriptor.digest}`));
    const rows = (
      await store.ok(['layers', '--format', '{{.Number}} {{.Added}} {{.Changed}} {{.Deleted}}', name('oci:1')])
    ).stdout;
    assert.equal(rows, '1 3 0 0\n2 1 1 0\n3 0 0 1\n');
    const tree = (await store.ok(['layers', '--tree', name('oci:1'), '2'])).stdout;
    assert.equal(tree, 'M etc/one\nA etc/three\n');
  });

  await t.test('tags: a short name means docker.io/library', async () => {
    await store.ok(['tag', name('oci:1'), 'short']);
    assert.deepEqual(await idsOf(store, 'docker.io/library/short:latest'), [oci.imageId]);
    assert.match((await store.ok(['images', 'short'])).stdout, /^short +latest /m);
    const removed = await store.ok(['rmi', 'short']);
    assert.equal(removed.stdout, 'Untagged: short:latest\n');
  });

  await t.test('rmi: the last name takes the image and what only it needs along', async () => {
    const refused = await store.run(['rmi', oci.imageId]);
    assert.equal(refused.code, 1);
    await store.ok(['rmi', '-f', oci.imageId]);
    assert.equal((await store.run(['inspect', name('oci:1')])).code, 1);
    const left = new Set((await store.ok(['images', '-q', '--no-trunc'])).stdout.trim().split('\n'));
    assert.ok(!left.has(oci.imageId));
    await store.ok(['rmi', '-f', ...left]);
    assert.deepEqual(readdirSync(join(store.root, 'layers/sha256')), []);
    assert.deepEqual(readdirSync(join(store.root, 'blobs/sha256')), []);
  });
});

test('only what is missing is fetched', { skip }, async () => {
  await using registry = await watchedRegistry();
  await using store = new TestStore();
  const shared = [{ files: { base: noise(20_000) } }, { files: { more: noise(20_000) }, packing: 'zstd' as const }];
  const first = craftImage(shared);
  const second = craftImage([...shared, { files: { own: noise(20_000) } }]);
  await registry.upload(first, 'first:1');
  await registry.upload(second, 'second:1');

  await store.ok(['pull', `${registry.host}/first:1`]);
  assert.deepEqual(registry.takeBlobRequests(), [first.imageId, ...digestsOf(first)].toSorted());
  const again = await store.ok(['pull', `${registry.host}/first:1`]);
  assert.deepEqual(registry.takeBlobRequests(), []);
  assert.match(again.stdout, /Status: Image is up to date for /);
  await store.ok(['pull', `${registry.host}/second:1`]);
  assert.deepEqual(registry.takeBlobRequests(), [second.imageId, digestsOf(second)[2]].toSorted());
});

test('two pulls of the same image at once fetch each blob once', { skip }, async () => {
  await using registry = await watchedRegistry();
  await using store = new TestStore();
  const image = craftImage(['a', 'b', 'c', 'd'].map((path) => ({ files: { [path]: noise(3_000_000) } })));
  await registry.upload(image, 'app:1');
  await registry.upload(image, 'other:1');
  await Promise.all(['app:1', 'other:1', 'app:1'].map((name) => store.ok(['pull', '-q', `${registry.host}/${name}`])));
  assert.deepEqual(registry.takeBlobRequests(), [image.imageId, ...digestsOf(image)].toSorted());
});

test('a pull that is killed leaves a sound store, and the next one goes on where it was', { skip }, async () => {
  await using registry = await watchedRegistry();
  await using store = new TestStore();
  const image = craftImage([{ files: { 'big/file': noise(8_000_000) } }, { files: { small: noise(100_000) } }]);
  await registry.upload(image, 'app:1');
  registry.holdAfterBytes = 3_000_000;
  const killed = await pullUntil(store, `${registry.host}/app:1`, () => ingestedBytes(store) >= 3_000_000);
  assert.equal(killed.signal, 'SIGKILL');
  await store.ok(['check']);
  assert.equal((await store.ok(['images', '-q'])).stdout, '');

  registry.holdAfterBytes = undefined;
  registry.takeBlobRequests();
  const before = registry.requests.length;
  await store.ok(['pull', `${registry.host}/app:1`]);
  const [big] = digestsOf(image);
  const resumed = registry.requests.slice(before).find(({ line }) => line.includes(`blobs/${big}`));
  assert.equal(resumed?.headers.range, 'bytes=3000000-');
  assert.deepEqual(registry.takeBlobRequests(), [big]);
  assertLayersAsNamed(store);
});

test('what a pull relies on is not collected while it is under way', { skip }, async () => {
  await using registry = await watchedRegistry();
  await using store = new TestStore();
  const shared = { files: { base: noise(20_000) } };
  const own = { files: { own: noise(3_000_000) } };
  await registry.upload(craftImage([shared]), 'base:1');
  const image = craftImage([shared, own]);
  await registry.upload(image, 'app:1');
  await store.ok(['pull', '-q', `${registry.host}/base:1`]);
  registry.takeBlobRequests();
  registry.holdAfterBytes = 1_000_000;
  const pulling = store.ok(['pull', '-q', `${registry.host}/app:1`]);
  while (ingestedBytes(store) < 1_000_000) await pause(10);
  await store.ok(['rmi', `${registry.host}/base:1`]);
  await store.ok(['prune', '--all', '--force']);
  registry.holdAfterBytes = undefined;
  await pulling;
  assert.deepEqual(registry.takeBlobRequests(), [image.imageId, digestsOf(image)[1]].toSorted());
  assertLayersAsNamed(store);
});

test('a pull that is interrupted gives nothing a name and keeps nothing from being pruned', { skip }, async () => {
  await using registry = await watchedRegistry();
  await using store = new TestStore();
  await registry.upload(craftImage([{ files: { big: noise(4_000_000) } }]), 'app:1');
  registry.holdAfterBytes = 1_000_000;
  const ended = await pullUntil(store, `${registry.host}/app:1`, () => ingestedBytes(store) > 0, 'SIGINT');
  assert.notEqual(ended.code, 0);
  assert.equal((await store.ok(['images', '-q'])).stdout, '');
});

const notBundled = isBundled() ? skip : 'the program as it is shipped is measured: bundle it first';

test(
  'peak memory of a pull stays below 200 MB: 150,000 entries beside 100 MB of noise',
  { skip: notBundled },
  async () => {
    await using registry = await watchedRegistry();
    await using store = new TestStore();
    const files = Object.fromEntries(Array.from({ length: 150_000 }, (_, n) => [`d${n % 300}/file-${n}`, 'x']));
    const big = { files: { big: noise(100 << 20) }, packing: 'zstd' } as const;
    await registry.upload(craftImage([{ tar: craftTar(files), packing: 'zstd' }, big]), 'big:1');
    let peakKiB = 0;
    await store.ok(['pull', '-q', `${registry.host}/big:1`], {
      onStart: ({ pid }) => {
        const timer = setInterval(() => {
          const peak = peakOf(pid);
          if (peak === undefined) clearInterval(timer);
          else peakKiB = Math.max(peakKiB, peak);
        }, 20);
      },
    });
    assert.ok(peakKiB > 0 && peakKiB <= 200_000_000 / 1024, `peak memory was ${peakKiB} KiB`);
  },
);

async function idsOf(store: TestStore, ...names: readonly string[]): Promise<readonly string[]> {
  return (await store.ok(['inspect', '--format', '{{.Id}}', ...names])).stdout.trim().split('\n');
}

function digestsOf(image: { readonly layers: readonly { readonly digest: string }[] }): readonly string[] {
  return image.layers.map(({ digest }) => digest);
}

/** Pulls, and sends the signal as soon as `isTime`. */
async function pullUntil(
  store: TestStore,
  name: string,
  isTime: () => boolean,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<Ended> {
  const time = new AbortController();
  const pulling = store.run(['pull', name], {
    onStart: (child) => time.signal.addEventListener('abort', () => child.kill(signal)),
  });
  const ended = pulling.then(() => 'ended');
  while (!isTime() && (await Promise.race([ended, pause(10)])) !== 'ended');
  time.abort();
  return pulling;
}

function ingestedBytes({ root }: TestStore): number {
  const folder = join(root, 'ingest');
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith('blob-'))
      .reduce((sum, name) => Math.max(sum, statSync(join(folder, name)).size), 0);
  } catch {
    return 0;
  }
}

function assertLayersAsNamed({ root }: TestStore): void {
  const folder = join(root, 'layers/sha256');
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.tar'))) {
    const hash = createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
    assert.equal(`${hash}.tar`, name);
  }
}

/** True where the launcher takes the bundle. */
function isBundled(): boolean {
  const bundle = statSync(join(repository, 'dist/varve.cjs'), { throwIfNoEntry: false });
  const sources = globSync('src/**/*.ts', { cwd: repository });
  return bundle !== undefined && sources.every((path) => statSync(join(repository, path)).mtimeMs <= bundle.mtimeMs);
}

function peakOf(pid: number): number | undefined {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return undefined;
  }
}
