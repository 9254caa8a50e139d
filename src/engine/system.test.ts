import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { tryLock } from '../host/index.ts';
import { parseReference, toDigest, type DiffId } from '../oci/index.ts';
import { GarbageCollector } from './garbage-collector.ts';
import type { PruneReport, UsageKind } from './system.ts';
import {
  addCacheRecord,
  addImage,
  addLayer,
  addPulledImage,
  containerDefaults,
  storeProcess,
  testStore,
  type TestStore,
} from './test-store.fixture.ts';

const skip = process.getuid?.() !== 0 && 'needs root to mount';
const signal = new AbortController().signal;

function prune(
  { engine }: TestStore,
  options: { readonly all?: boolean; readonly dryRun?: boolean } = {},
): Promise<PruneReport> {
  return engine.system.prune({ all: options.all ?? false, dryRun: options.dryRun ?? false, signal });
}

/** First what would be deleted, then the same for good. */
async function pruned(at: TestStore, all = false): Promise<PruneReport> {
  const before = filesBelow(at.root);
  const promised = await prune(at, { all, dryRun: true });
  assert.deepEqual(filesBelow(at.root), before, 'a dry run deletes nothing');
  const report = await prune(at, { all });
  assert.deepEqual(report, promised);
  assert.deepEqual((await at.engine.system.check({ repair: false, signal, onProgress: () => {} })).findings, []);
  return report;
}

function filesBelow(root: string): readonly string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => !/^(varve\.db|leases|locks)/.test(name)).toSorted();
}

function names({ deleted }: PruneReport, kind: UsageKind): readonly string[] {
  return deleted.filter((each) => each.kind === kind).map(({ name }) => name);
}

async function addContainer(at: TestStore, name: string, image: string): Promise<string> {
  return (await at.engine.containers.create({ ...containerDefaults, name, image, signal })).id;
}

/** Content of the writable layer, as a process in the container would leave it. */
function writeInside({ root }: TestStore, id: string, bytes: number): void {
  mkdirSync(join(root, 'work', id, 'upper'), { recursive: true });
  writeFileSync(join(root, 'work', id, 'upper', 'file'), Buffer.alloc(bytes));
}

async function fillCache({ store }: TestStore, id: string, bytes: number): Promise<void> {
  using use = await store.cacheMounts.acquire({ id, sharing: 'shared', signal });
  writeFileSync(join(use.path, 'file'), Buffer.alloc(bytes));
}

function writeLog({ root }: TestStore, name: string, text: string): string {
  mkdirSync(join(root, 'logs'), { recursive: true });
  const path = join(root, 'logs', `${name}.log`);
  writeFileSync(path, text);
  return path;
}

function sizeOnDisk({ root }: TestStore): number {
  const folders = ['blobs', 'layers', 'work', 'containers', 'ingest', 'trash', 'logs'].filter((name) =>
    existsSync(join(root, name)),
  );
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  );
  return paths.map((path) => lstatSync(path)).reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0);
}

test('prune deletes dangling images with the layers that only they need, and keeps named ones', { skip }, async () => {
  await using at = await testStore();
  const named = addImage(at.store, 'named', ['shared', 'a']);
  const dangling = addImage(at.store, undefined, ['shared', 'b']);
  const before = sizeOnDisk(at);
  const report = await pruned(at);
  assert.deepEqual(names(report, 'image'), [dangling.imageId]);
  assert.deepEqual(names(report, 'layer'), [dangling.chain[1]]);
  assert.equal(report.reclaimedBytes, before - sizeOnDisk(at), 'tar, index, manifest and config are counted');
  assert.deepEqual(at.store.images.find('named')?.chain, named.chain);
});

test('prune --all deletes every image that no container uses', { skip }, async () => {
  await using at = await testStore();
  addPulledImage(at.store, 'unused', ['a', 'b']);
  const used = addImage(at.store, 'used', ['a', 'c']);
  await addContainer(at, 'box', 'used');
  const report = await pruned(at, true);
  assert.deepEqual(names(report, 'image'), ['unused:latest']);
  assert.deepEqual(names(report, 'blob').length, 2, 'the compressed layers');
  assert.deepEqual(
    at.engine.images.list().map(({ imageId }) => imageId),
    [used.imageId],
  );
});

test('prune deletes containers that do not run, and with --all their images', { skip }, async () => {
  await using at = await testStore();
  addImage(at.store, 'image', ['a']);
  const id = await addContainer(at, 'box', 'image');
  writeInside(at, id, 5000);
  at.nowMs += 60_000;
  const report = await pruned(at, true);
  assert.deepEqual(
    report.deleted.filter(({ kind }) => kind === 'container'),
    [{ kind: 'container', name: id, sizeBytes: 5000 }],
  );
  assert.deepEqual(names(report, 'image'), ['image:latest']);
  assert.deepEqual(readdirSync(join(at.root, 'work')), []);
  assert.equal(sizeOnDisk(at), 0);
});

test('a container that was made a moment ago to be started now is left alone', { skip }, async () => {
  await using at = await testStore();
  addImage(at.store, 'image', ['a']);
  await addContainer(at, 'box', 'image');
  assert.deepEqual((await pruned(at, true)).deleted, []);
});

test('prune keeps cache records whose layers are needed anyway; --all clears the cache', { skip }, async () => {
  await using at = await testStore();
  const image = addImage(at.store, 'image', ['a', 'b']);
  addCacheRecord(at.store, 'RUN b', image.chain);
  {
    using holder = at.store.state.leases.acquire({ purpose: 'test' });
    addCacheRecord(at.store, 'RUN c', [...image.chain, addLayer(at.store, 'c', { holder })]);
  }
  const report = await pruned(at);
  assert.deepEqual(names(report, 'cache'), ['RUN c']);
  assert.equal(names(report, 'layer').length, 1);
  at.engine.images.tag('image', 'other');
  const id = await addContainer(at, 'box', 'image');
  assert.deepEqual(names(await pruned(at, true), 'cache'), ['RUN b']);
  assert.equal(at.engine.containers.list({ all: true })[0]?.id, id);
});

test('prune --all deletes what steps wrote, except what one is writing; without it all stays', { skip }, async () => {
  await using at = await testStore();
  writeLog(at, 'ended', 'all that it wrote');
  using open = tryLock(writeLog(at, 'at-work', 'so far'), 'exclusive');
  assert.ok(open);
  assert.deepEqual((await pruned(at)).deleted, []);
  assert.deepEqual((await pruned(at, true)).deleted, [{ kind: 'cache', name: 'logs/ended.log', sizeBytes: 17 }]);
  assert.deepEqual(readdirSync(join(at.root, 'logs')), ['at-work.log']);
  const cache = (await at.engine.system.df()).find(({ kind }) => kind === 'cache');
  assert.deepEqual([cache?.sizeBytes, cache?.reclaimableBytes], [6, 0]);
});

test('prune --all deletes git repositories, except one that is in use; without it all stay', { skip }, async () => {
  await using at = await testStore();
  for (const name of ['a', 'b'].map((letter) => letter.repeat(32))) {
    mkdirSync(join(at.root, 'git', name), { recursive: true });
    writeFileSync(join(at.root, 'git', name, 'HEAD'), 'ref: refs/heads/master');
  }
  assert.deepEqual((await pruned(at)).deleted, []);
  const { deleted } = await at.store.state.locks.exclusively(`git:${'b'.repeat(32)}`, () => pruned(at, true));
  assert.deepEqual(deleted, [{ kind: 'cache', name: `git/${'a'.repeat(32)}`, sizeBytes: 22 }]);
  const cache = (await at.engine.system.df()).find(({ kind }) => kind === 'cache');
  assert.deepEqual([cache?.sizeBytes, cache?.reclaimableBytes], [22, 22]);
});

test('removing an image keeps what the build cache needs', { skip }, async () => {
  await using at = await testStore();
  const image = addImage(at.store, 'image', ['a', 'b']);
  addCacheRecord(at.store, 'RUN a', image.chain.slice(0, 1));
  at.engine.images.remove('image', { force: false });
  assert.deepEqual(
    at.store.layers.list().map(({ diffId }) => diffId),
    image.chain.slice(0, 1),
  );
  assert.deepEqual(readdirSync(join(at.root, 'trash')), [], 'what was collected is gone from the disk');
});

test(
  'what a living lease of another process covers survives every prune; a dead one covers nothing',
  { skip },
  async () => {
    await using at = await testStore();
    addImage(at.store, 'base', ['a']);
    await using other = storeProcess(
      at,
      `using holder = store.state.leases.acquire({ purpose: 'build' });
     const base = store.images.find('base');
     for (const digest of [base.imageId, base.manifestDigest, ...base.chain]) holder.add(digest);
     const fresh = fixture.addLayer(store, 'fresh', { holder });
     using half = store.blobs.writer({ holder, ref: 'half' });
     half.write(Buffer.from('half'));
     using area = store.areas.temporary('step');
     say(fresh);
     await forever();`,
    );
    const fresh = (await other.line()) as DiffId;
    assert.deepEqual((await pruned(at, true)).deleted, []);
    assert.equal(at.store.layers.verify(fresh), true);
    await other.kill();
    const report = await pruned(at, true);
    assert.deepEqual(names(report, 'image'), ['base:latest']);
    assert.ok(names(report, 'layer').includes(fresh));
    assert.equal(names(report, 'work').length, 1);
    assert.equal(names(report, 'ingest').length, 1);
    assert.equal(sizeOnDisk(at), 0);
  },
);

test('a layer that is adopted between mark and deletion is seen to be gone, not lost later', { skip }, async () => {
  await using at = await testStore();
  const { chain } = addImage(at.store, undefined, ['a']);
  at.engine.images.remove(at.store.images.list()[0]?.imageId ?? '', { force: false });
  const go = join(at.root, 'go');
  {
    using holder = at.store.state.leases.acquire({ purpose: 'test' });
    assert.equal(addLayer(at.store, 'a', { holder }), chain[0]);
  }
  await using other = storeProcess(
    at,
    `const { existsSync } = await import('node:fs');
     using holder = store.state.leases.acquire({ purpose: 'build' });
     say('ready');
     while (!existsSync(${JSON.stringify(go)}));
     say(store.layers.hold(${JSON.stringify(chain[0])}, holder) ? 'there' : 'gone');
     say(fixture.addLayer(store, 'a', { holder }));
     await forever();`,
  );
  assert.equal(await other.line(), 'ready');
  const { layers, state } = at.store;
  const slowLayers = {
    list: () => layers.list(),
    remove: (diffId: DiffId) => {
      writeFileSync(go, '');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      layers.remove(diffId);
    },
  };
  const collector = new GarbageCollector({
    ...at.store,
    layers: slowLayers,
    cache: state.cache,
    leases: state.leases,
    containerChains: () => [],
    transaction: (body) => state.transaction(body),
  });
  collector.collect({ cache: 'keep' });
  assert.equal(await other.line(), 'gone');
  assert.equal(await other.line(), chain[0]);
  collector.collect({ cache: 'clear' });
  assert.equal(layers.verify(chain[0] as DiffId), true, 'what was made again is held');
});

test('builds that adopt layers while others collect without pause lose none', { skip }, async () => {
  await using at = await testStore();
  await using other = storeProcess(
    at,
    `say('ready');
     const known = new Map();
     for (let round = 0; round < 100; round++) {
       using holder = store.state.leases.acquire({ purpose: 'build' });
       const name = 'layer' + (round % 3);
       const diffId = known.get(name);
       const isThere = diffId !== undefined && store.layers.hold(diffId, holder);
       if (!isThere) known.set(name, fixture.addLayer(store, name, { holder }));
       if (!store.layers.verify(known.get(name))) throw new Error('lost ' + name);
       store.layers.indexes([known.get(name)]);
     }
     process.exit(0);`,
  );
  assert.equal(await other.line(), 'ready');
  const ended = other.ended();
  let code: number | null | undefined;
  for (; code === undefined; code = await Promise.race([ended, setImmediate(undefined)]))
    await prune(at, { all: true });
  assert.equal(code, 0);
  await prune(at, { all: true });
  assert.deepEqual(at.store.layers.list(), []);
});

test(
  'a collection that is killed half-way has deleted nothing that is needed, and the next one goes on',
  { skip },
  async () => {
    await using at = await testStore();
    const kept = addImage(at.store, 'kept', ['a']);
    {
      using holder = at.store.state.leases.acquire({ purpose: 'test' });
      for (const name of ['b', 'c', 'd']) addLayer(at.store, name, { holder });
    }
    await using other = storeProcess(
      at,
      `const remove = store.layers.remove.bind(store.layers);
     store.layers.remove = (diffId) => { remove(diffId); process.kill(process.pid, 'SIGKILL'); };
     engine.system.prune({ all: false, dryRun: false, signal: new AbortController().signal });`,
    );
    assert.equal(await other.ended(), null);
    const { findings } = await at.engine.system.check({ repair: false, signal, onProgress: () => {} });
    assert.ok(findings.length > 0 && findings.every(({ severity }) => severity === 'leftover'));
    await prune(at);
    assert.deepEqual((await at.engine.system.check({ repair: false, signal, onProgress: () => {} })).findings, []);
    assert.deepEqual(
      at.store.layers.list().map(({ diffId }) => diffId),
      kept.chain,
    );
  },
);

test('a build that lasts does not keep others from collecting', { skip }, async () => {
  await using at = await testStore();
  await using other = storeProcess(
    at,
    `using holder = store.state.leases.acquire({ purpose: 'build' });
     fixture.addLayer(store, 'kept', { holder });
     say('at work');
     await forever();`,
  );
  assert.equal(await other.line(), 'at work');
  addImage(at.store, undefined, ['a']);
  assert.equal(names(await prune(at), 'image').length, 1);
  assert.equal(at.store.layers.list().length, 1);
});

test('the rows of df count each byte once', { skip }, async () => {
  await using at = await testStore();
  addPulledImage(at.store, 'pulled', ['a', 'b']);
  addImage(at.store, 'used', ['a', 'c']);
  const id = await addContainer(at, 'box', 'used');
  writeInside(at, id, 3000);
  {
    using holder = at.store.state.leases.acquire({ purpose: 'test' });
    addCacheRecord(at.store, 'RUN d', [addLayer(at.store, 'd', { holder })]);
    addLayer(at.store, 'stray', { holder });
    at.store.blobs.put(Buffer.from('a blob of nobody'), { holder });
    using ingest = at.store.blobs.writer({ holder, ref: 'half' });
    ingest.write(Buffer.from('half'));
  }
  using area = at.store.areas.temporary('step');
  mkdirSync(area.workDir, { recursive: true });
  writeFileSync(join(area.workDir, 'file'), Buffer.alloc(700));
  writeLog(at, 'ended', 'all that it wrote');
  await fillCache(at, 'apt', 500);
  const rows = new Map((await at.engine.system.df()).map((row) => [row.kind, row]));
  const total = [...rows.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  assert.equal(total, sizeOnDisk(at) + 500);
  assert.deepEqual(
    [...rows.values()].map(({ kind, total: count, active }) => `${kind} ${count} ${active}`),
    [
      'image 2 1',
      'container 1 0',
      'cache 1 0',
      'cache-mount 1 0',
      'layer 1 0',
      'blob 1 0',
      'work 1 1',
      'ingest 1 0',
      'trash 0 0',
    ],
  );
  assert.equal(rows.get('container')?.reclaimableBytes, 3000);
  assert.deepEqual([rows.get('work')?.sizeBytes, rows.get('work')?.reclaimableBytes], [700, 0]);
  assert.deepEqual([rows.get('ingest')?.sizeBytes, rows.get('ingest')?.reclaimableBytes], [4, 4]);
  const reclaimable = [...rows.values()].reduce((sum, { reclaimableBytes }) => sum + reclaimableBytes, 0);
  const { reclaimedBytes } = await prune(at, { all: true });
  assert.equal(reclaimable - 3000, reclaimedBytes, 'all but the container that was made just now');
});

test('info says what is here and what is missing', { skip }, async () => {
  await using at = await testStore();
  const image = addImage(at.store, 'image', ['a']);
  at.store.images.tag(image.imageId, parseReference('other'));
  await addContainer(at, 'box', 'image');
  const info = await at.engine.system.info();
  assert.equal(info.images, 1);
  assert.deepEqual(info.containers, { running: 0, stopped: 1 });
  assert.deepEqual(info.snapshotter, { kind: 'erofs', reason: 'asked for by the test' });
  assert.equal(info.root, at.root);
  assert.match(info.kernel, /^\d+\.\d+/);
  if (info.runtime !== undefined) assert.match(info.runtime.version, /^\d/);
});

test('info names the package of a runtime that is missing', { skip }, async () => {
  await using at = await testStore();
  const missing = new Fault('unavailable', 'find a container runtime: runc is not installed', {
    hint: 'apt-get install runc',
  });
  const { systemInfo } = await import('./system-info.ts');
  const absent = (): never => {
    throw missing;
  };
  const info = await systemInfo(
    { ...at.store, runtimes: { ...at.store.runtimes, choose: absent }, monitor: absent },
    { collector: undefined as never, containers: at.engine.containers },
  );
  assert.equal(info.runtime, undefined);
  assert.match(info.warnings[0] ?? '', /runc is not installed \(apt-get install runc\)/);
});

test('content that is stored and has no record yet belongs to its lease', { skip }, async () => {
  await using at = await testStore();
  using holder = at.store.state.leases.acquire({ purpose: 'build' });
  const diffId = addLayer(at.store, 'a', { holder });
  at.store.state.layers.delete(diffId);
  assert.deepEqual((await prune(at)).deleted, []);
  holder.release();
  assert.deepEqual(
    (await prune(at)).deleted.map(({ name }) => name),
    [toDigest(diffId)],
  );
});
