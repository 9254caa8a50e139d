import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { hexOf, type Digest, type DiffId } from '../oci/index.ts';
import type { CheckReport } from './system.ts';
import {
  addCacheRecord,
  addImage,
  addImageOf,
  addLayer,
  addPulledImage,
  containerDefaults,
  storeProcess,
  testStore,
  type TestStore,
} from './test-store.fixture.ts';

const skip = process.getuid?.() !== 0 && 'needs root to mount';
const signal = new AbortController().signal;

function check({ engine }: TestStore, repair = false): Promise<CheckReport> {
  return engine.system.check({ repair, signal, onProgress: () => {} });
}

/** A repair that finds exactly these, after which a second check finds nothing. */
async function repairs(at: TestStore, expected: readonly RegExp[]): Promise<void> {
  const seen = await check(at);
  matchFindings(seen, expected);
  assert.ok(seen.findings.every(({ repaired }) => !repaired));
  const { findings } = await check(at, true);
  assert.ok(findings.length >= expected.length);
  assert.deepEqual(
    findings.filter(({ repaired }) => !repaired),
    [],
  );
  await at.reopen();
  assert.deepEqual((await check(at)).findings, []);
}

function matchFindings({ findings }: CheckReport, expected: readonly RegExp[]): void {
  const messages = findings.map(({ severity, message }) => `${severity}: ${message}`);
  assert.equal(messages.length, expected.length, messages.join('\n'));
  for (const [index, pattern] of expected.entries()) assert.match(messages[index] ?? '', pattern);
}

function tarPath({ store }: TestStore, diffId: DiffId): string {
  return join(store.root, 'layers/sha256', `${hexOf(diffId)}.tar`);
}

function blobPath({ store }: TestStore, digest: Digest): string {
  return join(store.root, 'blobs/sha256', hexOf(digest));
}

/** What root can do by hand. */
function changeByte(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
  chmodSync(path, 0o400);
}

test('a store in order has no findings, and every file is counted in the progress', { skip }, async () => {
  await using at = await testStore();
  addImage(at.store, 'one', ['a', 'b']);
  addPulledImage(at.store, 'two', ['a', 'c']);
  const steps: string[] = [];
  const report = await at.engine.system.check({
    repair: false,
    signal,
    onProgress: (done, total) => steps.push(`${done}/${total}`),
  });
  assert.deepEqual(report, { findings: [], checked: { layers: 3, blobs: 6, images: 2 } });
  assert.deepEqual(
    steps,
    Array.from({ length: 9 }, (_, index) => `${index + 1}/9`),
  );
});

test(
  'a changed byte in a tar is found; a repair drops the layer and the image that needs it, and says how to get it back',
  { skip },
  async () => {
    await using at = await testStore();
    const image = addImage(at.store, 'broken', ['a', 'b']);
    const whole = addImage(at.store, 'whole', ['a', 'c']);
    changeByte(tarPath(at, image.chain[1] as DiffId), 1100);
    await repairs(at, [
      /^error: layer sha256:.*: content hashes to sha256:/,
      /^error: image broken:latest: its layer sha256:.* pull or build it again$/,
    ]);
    assert.equal(at.store.images.find('broken'), undefined);
    assert.deepEqual(at.store.images.find('whole')?.chain, whole.chain);
  },
);

test('a damaged layer that was pulled is made again from the blob it came as', { skip }, async () => {
  await using at = await testStore();
  const image = addPulledImage(at.store, 'pulled', ['a', 'b']);
  const path = tarPath(at, image.chain[0] as DiffId);
  const before = readFileSync(path);
  changeByte(path, 1100);
  await check(at, true);
  assert.deepEqual(readFileSync(path), before);
  assert.deepEqual(at.store.images.find('pulled')?.manifestDigest, image.manifestDigest);
  assert.deepEqual((await check(at)).findings, []);
});

test('a tar that was deleted is found, and made again where its blob is here', { skip }, async () => {
  await using at = await testStore();
  const image = addPulledImage(at.store, 'pulled', ['a']);
  rmSync(tarPath(at, image.chain[0] as DiffId));
  await check(at, true);
  await at.reopen();
  assert.deepEqual((await check(at)).findings, []);
  assert.equal(at.store.layers.verify(image.chain[0] as DiffId), true);
});

test(
  'a damaged blob of a pulled layer costs the image nothing: it stays usable and can be saved',
  { skip },
  async () => {
    await using at = await testStore();
    const image = addPulledImage(at.store, 'pulled', ['a', 'b']);
    changeByte(blobPath(at, image.manifest.layers[0]?.digest as Digest), 20);
    await repairs(at, [/^error: blob sha256:/]);
    const after = at.store.images.find('pulled');
    assert.equal(after?.imageId, image.imageId);
    assert.deepEqual(after?.chain, image.chain);
    await at.engine.images.save(['pulled'], { format: 'oci', signal, write: async () => {} });
  },
);

test('a missing manifest is written again over a whole config and whole layers', { skip }, async () => {
  await using at = await testStore();
  const image = addImage(at.store, 'built', ['a', 'b']);
  rmSync(blobPath(at, image.manifestDigest));
  await at.reopen();
  await repairs(at, [/^error: image built:latest: its manifest .* is missing or damaged/]);
  assert.equal(at.store.images.find('built')?.manifestDigest, image.manifestDigest);
});

test('a damaged config breaks the image; other names of other images stay', { skip }, async () => {
  await using at = await testStore();
  const image = addImage(at.store, 'broken', ['a']);
  addImage(at.store, 'whole', ['b']);
  changeByte(blobPath(at, image.imageId), 3);
  await at.reopen();
  await repairs(at, [/^error: blob/, /^error: image broken:latest: its config/]);
  assert.deepEqual(
    at.engine.images.list().map(({ repository }) => repository),
    ['whole'],
  );
});

test('a changed byte in an index is found, and the index is made again when it is needed', { skip }, async () => {
  await using at = await testStore();
  const { chain } = addImage(at.store, 'image', ['a']);
  const index = at.store.layers.indexes(chain)[0]?.path as string;
  changeByte(index, readFileSync(index).length - 1);
  await repairs(at, [/^error: layer sha256:.*: its index .* is not what its tar says$/]);
  assert.equal(existsSync(index), false);
  at.store.layers.indexes(chain);
  assert.deepEqual((await check(at)).findings, []);
});

test('the index of a layer that needs what lies below is checked on its chain', { skip }, async () => {
  await using at = await testStore();
  using holder = at.store.state.leases.acquire({ purpose: 'test' });
  const base = addLayer(at.store, 'a', { holder });
  const top = addLayer(at.store, 'b', { holder, below: [base], parents: false });
  const { chain } = addImageOf(at.store, 'image', [base, top]);
  holder.release();
  const index = at.store.layers.indexes(chain)[1]?.path as string;
  assert.match(index, /\.chain\.erofs$/);
  assert.deepEqual((await check(at)).findings, []);
  changeByte(index, readFileSync(index).length - 1);
  await repairs(at, [/^error: layer sha256:.*: its index .*chain\.erofs is not what its tar says$/]);
});

test(
  'whole tars that lost their records are put on record again; records that lost their tars go',
  { skip },
  async () => {
    await using at = await testStore();
    const image = addImage(at.store, 'image', ['a', 'b']);
    at.store.state.layers.delete(image.chain[0] as DiffId);
    using holder = at.store.state.leases.acquire({ purpose: 'test' });
    const gone = addLayer(at.store, 'gone', { holder });
    addCacheRecord(at.store, 'RUN gone', [gone]);
    rmSync(tarPath(at, gone));
    holder.release();
    const { findings } = await check(at, true);
    assert.equal(findings.length > 0 && findings.every(({ repaired }) => repaired), true);
    assert.deepEqual((await check(at)).findings, []);
    assert.deepEqual(at.store.state.cache.list(), []);
    assert.equal(at.store.layers.stat(image.chain[0] as DiffId)?.entryCount, 2);
  },
);

test('files with names that mean nothing are left-overs', { skip }, async () => {
  await using at = await testStore();
  addImage(at.store, 'image', ['a']);
  writeFileSync(join(at.root, 'blobs/sha256/readme'), '');
  writeFileSync(join(at.root, 'layers/sha256/readme'), '');
  await repairs(at, [/^leftover: .*blobs\/sha256\/readme/, /^leftover: .*layers\/sha256\/readme/]);
});

test('names that are on file only are put back: nothing valid is lost with the database', { skip }, async () => {
  await using at = await testStore();
  const image = addImage(at.store, 'kept', ['a', 'b']);
  const dangling = addImage(at.store, undefined, ['c']);
  await at.engine[Symbol.asyncDispose]();
  for (const name of readdirSync(at.root)) if (name.startsWith('varve.db')) rmSync(join(at.root, name));
  await at.reopen();
  await assert.rejects(at.engine.system.prune({ all: true, dryRun: false, signal }), (error) =>
    Fault.is(error, 'conflict'),
  );
  assert.equal(
    (await check(at, true)).findings.every(({ repaired }) => repaired),
    true,
  );
  assert.deepEqual((await check(at)).findings, []);
  assert.deepEqual(at.store.images.find('kept')?.chain, image.chain);
  assert.deepEqual(at.store.images.get(dangling.imageId)?.chain, dangling.chain);
});

for (const [what, damage] of [
  ['no database', (path: string) => writeFileSync(path, Buffer.alloc(40_000, 'x'))],
  ['damaged in its middle', (path: string) => damagePages(path)],
] as const) {
  test(`a database that is ${what} is set aside and made anew from the files`, { skip }, async () => {
    await using at = await testStore();
    const image = addPulledImage(at.store, 'kept', ['a', 'b']);
    await at.engine.containers.create({ ...containerDefaults, name: 'box', image: 'kept', signal });
    await at.engine[Symbol.asyncDispose]();
    damage(join(at.root, 'varve.db'));
    await at.reopen();
    const seen = await check(at);
    matchFindings(seen, [/^error: database: .*; nothing else was checked$/]);
    const { findings } = await check(at, true);
    assert.equal(
      findings.every(({ repaired }) => repaired),
      true,
    );
    await at.reopen();
    assert.deepEqual((await check(at)).findings, []);
    assert.deepEqual(at.store.images.find('kept')?.chain, image.chain);
    assert.deepEqual(
      at.engine.containers.list({ all: true }).map(({ name }) => name),
      ['box'],
    );
    assert.equal(readdirSync(join(at.root, 'damaged')).length, 1);
  });
}

function damagePages(path: string): void {
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096, bytes.length);
  writeFileSync(path, bytes);
}

test('a damaged database is not replaced under the feet of a process that has it open', { skip }, async () => {
  await using at = await testStore();
  addImage(at.store, 'kept', ['a']);
  await at.engine[Symbol.asyncDispose]();
  await using other = storeProcess(at, `store.state.images.list(); say('open'); await forever();`);
  assert.equal(await other.line(), 'open');
  damagePages(join(at.root, 'varve.db'));
  await at.reopen();
  await assert.rejects(check(at, true), /process \d+ has it open/);
  await other.kill();
  assert.equal(
    (await check(at, true)).findings.every(({ repaired }) => repaired),
    true,
  );
});

test('a container whose layer is lost is told of and kept: its own layer may be needed', { skip }, async () => {
  await using at = await testStore();
  const image = addImage(at.store, 'image', ['a']);
  await at.engine.containers.create({ ...containerDefaults, name: 'box', image: 'image', signal });
  rmSync(tarPath(at, image.chain[0] as DiffId));
  const { findings } = await check(at, true);
  const unrepaired = findings.find(({ repaired }) => !repaired);
  assert.match(unrepaired?.message ?? '', /^container box: its layer sha256:.* 'varve rm box'$/);
  assert.equal(at.engine.containers.list({ all: true }).length, 1);
});

test('what a killed process left behind is explained and cleared: work, mounts, partial writes', { skip }, async () => {
  await using at = await testStore();
  const { chain } = addImage(at.store, 'image', ['a']);
  await using other = storeProcess(
    at,
    `using area = store.areas.temporary('step');
     store.snapshotter.writable(${JSON.stringify(chain)}, { workDir: area.workDir, target: area.target });
     using holder = store.state.leases.acquire({ purpose: 'build' });
     using writer = store.layers.writer({ holder });
     using ingest = store.blobs.writer({ holder, ref: 'partial' });
     ingest.write(Buffer.from('partial'));
     say('at work');
     await forever();`,
  );
  assert.equal(await other.line(), 'at work');
  assert.deepEqual((await check(at)).findings, [], 'the living are left alone');
  await other.kill();
  await repairs(at, [
    /^leftover: work\/step-.*: work area of a dead process$/,
    /^leftover: ingest\/blob-ref-.*: partial download$/,
    /^leftover: ingest\/layer-.*: unfinished write$/,
  ]);
  assert.deepEqual(readdirSync(join(at.root, 'work')), []);
  assert.deepEqual(readdirSync(join(at.root, 'ingest')), []);
  assert.deepEqual(readdirSync(join(at.root, 'trash')), []);
  assert.deepEqual(
    at.store.mounts.list().filter(({ target }) => target.startsWith(at.runRoot)),
    [],
  );
});

test('a database that a newer release wrote is refused, not repaired', { skip }, async () => {
  await using at = await testStore();
  addImage(at.store, 'image', ['a']);
  await at.engine[Symbol.asyncDispose]();
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const database = new DatabaseSync(join(at.root, 'varve.db'));
  database.exec('PRAGMA user_version = 99');
  database.close();
  await at.reopen();
  await assert.rejects(
    check(at, true),
    (error) => Fault.is(error, 'unsupported') && /newer varve/.test(error.hint ?? ''),
  );
});

test('a check can be cancelled', { skip }, async () => {
  await using at = await testStore();
  addImage(at.store, 'image', ['a']);
  const aborted = AbortSignal.abort();
  await assert.rejects(at.engine.system.check({ repair: false, signal: aborted, onProgress: () => {} }));
});
