/**
 * A build that is killed, or told to stop, at any moment: the next command works, the store is sound, finished steps stay
 * usable, and nothing is left behind: no process, no mount, no file.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeManifest } from '../src/oci/index.ts';
import { sampleImage } from '../src/registry/sample-image.fixture.ts';
import { scriptedServer, send, type ScriptedServer } from '../src/http/scripted-server.fixture.ts';
import { commandLinesWith, eventually, LiveProgram, longSleep } from './live-program.ts';
import { mountsBelow, needsRoot, TestStore } from './test-store.ts';

const skip = needsRoot;

describe('kill -9 in any step', { skip }, () => {
  test('while a RUN runs: the next build ends what it left running, and reuses what was finished', async () => {
    await using store = new TestStore();
    await store.busybox();
    const seconds = longSleep();
    const context = store.context('c', { Dockerfile: slowRun(seconds) });
    await using killed = new LiveProgram(store, ['build', '--progress=plain', context]);
    await killed.says(/^#\d+ \S+ now it sleeps$/m);
    await killed.kill();
    assert.notDeepEqual(commandLinesWith(`sleep ${seconds}`), []);
    await using again = new LiveProgram(store, ['build', '--progress=plain', context]);
    await again.says(/^#\d+ \S+ now it sleeps$/m);
    const sleeping = (): number =>
      commandLinesWith(`sleep ${seconds}`).filter((line) => line.startsWith('sleep')).length;
    await again.until('sleeps', () => sleeping() > 0);
    assert.equal(sleeping(), 1);
    assert.match(again.stderr, /^#2 CACHED$/m);
    await again.kill();
    await store.ok(['check', '--repair']);
    assert.deepEqual(commandLinesWith(`sleep ${seconds}`), []);
    await nothingIsLeft(store);
  });

  test('while a COPY of many files is written', async () => {
    await using store = new TestStore();
    await store.busybox();
    const context = manyFiles(store);
    await using killed = new LiveProgram(store, ['build', '--progress=plain', context]);
    await killed.until('writes a layer', () => ingested(store) > 1 << 20);
    await killed.kill();
    await recovers(store);
  });

  test('while the layer of a RUN is packed', async () => {
    await using store = new TestStore();
    await store.busybox();
    const context = store.context('c', { Dockerfile: 'FROM busybox:local\nRUN truncate -s 1G /big\n' });
    await using killed = new LiveProgram(store, ['build', '--progress=plain', context]);
    await killed.until('packs', () => ingested(store) > 1 << 20);
    await killed.kill();
    await recovers(store);
  });

  test('while a base is pulled: the next pull goes on where it was', async () => {
    await using store = new TestStore();
    await using registry = await slowRegistry();
    const context = store.context('c', { Dockerfile: `FROM ${registry.host}/base\n` });
    await using killed = new LiveProgram(store, ['build', '--progress=plain', context]);
    await killed.until('downloads', () => ingested(store) > 100_000);
    await killed.kill();
    await store.ok(['check']);
    registry.isSlow = false;
    await store.ok(['pull', `${registry.host}/base`]);
    const ranges = registry.server.requests.map(({ headers }) => headers.range).filter((each) => each !== undefined);
    assert.match(ranges.at(-1) ?? '', /^bytes=[1-9]\d*-/);
    await recovers(store);
  });

  test('while a container of run works: it runs on, detached from its dead client', async () => {
    await using store = new TestStore();
    await store.busybox();
    const seconds = longSleep();
    await using killed = new LiveProgram(store, ['run', '--name', 'left', 'busybox:local', 'sleep', seconds]);
    await eventually('it runs', async () => (await store.ok(['ps', '-q'])).stdout !== '');
    await killed.kill();
    assert.match((await store.ok(['ps'])).stdout, / Up .* left\n/);
    assert.notDeepEqual(commandLinesWith(`sleep ${seconds}`), []);
    await store.ok(['rm', '-f', 'left']);
    assert.deepEqual(commandLinesWith(`sleep ${seconds}`), []);
    await nothingIsLeft(store);
  });

  test('at whatever moment of a build, a tag, a run, a commit and a prune', async () => {
    await using store = new TestStore();
    await store.busybox();
    const context = store.context('c', { Dockerfile: 'FROM busybox:local\nCOPY f /\nRUN echo ran > /ran\n', f: 'one' });
    const started = Date.now();
    await store.ok(['build', '-q', '-t', 'whole', context]);
    const usualMs = Date.now() - started;
    const victims = [
      ['build', '-q', '--no-cache', '-t', 'named', context],
      ['run', '--rm', 'whole', 'true'],
      ['tag', 'whole', 'tagged'],
      ['prune', '--force'],
    ];
    const rounds = 12;
    for (let round = 1; round <= rounds; round++) {
      await using victim = new LiveProgram(store, victims[round % victims.length] ?? []);
      await delay((usualMs * round) / rounds);
      await victim.kill();
    }
    await recovers(store);
    assert.equal((await store.ok(['run', '--rm', 'whole', 'cat', '/f', '/ran'])).stdout, 'oneran\n');
    await store.ok(['build', '-q', '-t', 'named', context]);
  });
});

describe('Ctrl-C and SIGTERM', { skip }, () => {
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${name} during a RUN`, async () => {
      await using store = new TestStore();
      await store.busybox();
      const seconds = longSleep();
      const context = store.context('c', { Dockerfile: slowRun(seconds) });
      await using stopped = new LiveProgram(store, ['build', '--progress=plain', context]);
      await stopped.says(/now it sleeps$/m);
      assert.equal((await stopped.signal(name).ended).code, code);
      assert.match(stopped.stderr, /cancel|interrupt/i);
      assert.deepEqual(commandLinesWith(`sleep ${seconds}`), []);
      await nothingIsLeft(store);
      store.context('c', { Dockerfile: slowRun('0') });
      assert.match((await store.build(context)).stderr, /^#2 CACHED$/m);
    });

    test(`${name} during a COPY`, async () => {
      await using store = new TestStore();
      await store.busybox();
      await using stopped = new LiveProgram(store, ['build', '--progress=plain', manyFiles(store)]);
      await stopped.until('writes a layer', () => ingested(store) > 1 << 20);
      assert.equal((await stopped.signal(name).ended).code, code);
      await nothingIsLeft(store);
    });

    test(`${name} while a layer is packed`, async () => {
      await using store = new TestStore();
      await store.busybox();
      const context = store.context('c', { Dockerfile: 'FROM busybox:local\nRUN truncate -s 512M /big\n' });
      await using stopped = new LiveProgram(store, ['build', '--progress=plain', context]);
      await stopped.until('packs', () => ingested(store) > 1 << 20);
      assert.equal((await stopped.signal(name).ended).code, code);
      await nothingIsLeft(store);
    });

    test(`${name} during a pull: what was downloaded is kept for the next`, async () => {
      await using store = new TestStore();
      await using registry = await slowRegistry();
      await using stopped = new LiveProgram(store, ['pull', `${registry.host}/base`]);
      await stopped.until('downloads', () => ingested(store) > 100_000);
      assert.equal((await stopped.signal(name).ended).code, code);
      registry.isSlow = false;
      await store.ok(['pull', `${registry.host}/base`]);
      await nothingIsLeft(store);
    });
  }
});

function slowRun(seconds: string): string {
  return `FROM busybox:local\nRUN echo finished > /finished\nRUN echo now it sleeps && sleep ${seconds}\n`;
}

/** Many small files, then one that takes a while. */
function manyFiles(store: TestStore): string {
  const names = Array.from({ length: 500 }, (_, index) => [`files/${index}`, `content of ${index}`] as const);
  const context = store.context('many', {
    Dockerfile: 'FROM busybox:local\nCOPY . /many/\n',
    ...Object.fromEntries(names),
  });
  writeFileSync(join(context, 'zero'), '');
  truncateSync(join(context, 'zero'), 2 * 1024 ** 3);
  return context;
}

/** Bytes in files that are not whole yet. */
function ingested(store: TestStore): number {
  return filesBelow(join(store.root, 'ingest')).reduce((sum, path) => sum + sizeOf(path), 0);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

/** The next commands work; a repair leaves nothing over. */
async function recovers(store: TestStore): Promise<void> {
  await store.ok(['images']);
  await store.ok(['check']);
  await store.ok(['check', '--repair']);
  await nothingIsLeft(store);
}

async function nothingIsLeft(store: TestStore): Promise<void> {
  assert.deepEqual(mountsBelow(store.folder), []);
  assert.deepEqual(commandLinesWith(store.runRoot), []);
  for (const folder of ['ingest', 'work', 'trash']) assert.deepEqual(filesBelow(join(store.root, folder)), [], folder);
  assert.match((await store.ok(['check'])).stdout, /everything is whole/);
}

/** A registry with the image `base`, whose layer stops half-way while it is slow. */
interface SlowRegistry extends AsyncDisposable {
  readonly host: string;
  readonly server: ScriptedServer;
  isSlow: boolean;
}

async function slowRegistry(): Promise<SlowRegistry> {
  const noise = Array.from({ length: 400_000 }, (_, index) => Math.imul(index, 2_654_435_761) >>> 0).join('');
  const image = sampleImage([noise]);
  const manifest = encodeManifest(image.manifest);
  const server = await scriptedServer((request, response) => {
    const path = request.line.split(' ')[1] ?? '';
    if (path === '/v2/') return send(response, 200);
    if (path.startsWith('/v2/base/manifests/')) {
      return send(response, 200, manifest, { 'content-type': image.manifest.mediaType });
    }
    const blob = [...image.blobs].find(([digest]) => path.endsWith(digest))?.[1];
    if (blob === undefined) return send(response, 404);
    if (registry.isSlow && blob.length > 100_000) {
      response.writeHead(200, { 'content-length': String(blob.length), 'accept-ranges': 'bytes' });
      return void response.write(blob.subarray(0, blob.length / 2));
    }
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` };
    send(response, from > 0 ? 206 : 200, blob.subarray(from), from > 0 ? range : {});
  });
  const registry: SlowRegistry = {
    host: server.host,
    server,
    isSlow: true,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return registry;
}
