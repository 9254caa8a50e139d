/**
 * Downloads that are cut: by the death of the process, by Ctrl-C, by another process that was first. The registry counts each
 * byte that it sends, and sends none a second time.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { scriptedServer, send, type ScriptedServer } from '../src/http/scripted-server.fixture.ts';
import { craftImage, type CraftedImage } from '../src/image/crafted-image.fixture.ts';
import { noExt4, TestMount } from './small-disk.ts';
import { needsRoot, TestStore, type Ended } from './test-store.ts';

const skip = needsRoot;
const heldBytes = 3_000_000;

/** A registry of images by the names of their repositories. */
interface CountingRegistry extends AsyncDisposable {
  readonly host: string;
  /** Of each blob that was asked for: from where, each time, and the bytes that were sent. */
  readonly sent: ReadonlyMap<string, { readonly starts: readonly number[]; readonly bytes: number }>;
  /** Of a blob so much is sent until it is set to undefined; the connection stays open, silent. */
  holdAfterBytes: number | undefined;
}

async function countingRegistry(images: Readonly<Record<string, CraftedImage>>): Promise<CountingRegistry> {
  const sent = new Map<string, { starts: number[]; bytes: number }>();
  const server: ScriptedServer = await scriptedServer(async ({ line, headers }, response) => {
    const [, repository = '', kind, reference = ''] = /\/v2\/(\w+)\/(manifests|blobs)\/(\S+)$/.exec(line) ?? [];
    const image = images[repository];
    if (image === undefined) return send(response, 404);
    const digest = kind === 'blobs' ? reference : image.descriptor.digest;
    const bytes = image.blobs.get(digest as CraftedImage['imageId']) ?? Buffer.alloc(0);
    if (kind === 'manifests') return send(response, 200, bytes, { 'content-type': image.descriptor.mediaType });
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start, ...(start > 0 && range) });
    const count = sent.get(digest) ?? { starts: [], bytes: 0 };
    sent.set(digest, count);
    count.starts.push(start);
    for (let at = start; at < bytes.length && !response.destroyed;) {
      const end = Math.min(at + 100_000, bytes.length, registry.holdAfterBytes ?? Infinity);
      if (end > at) await written(response, bytes.subarray(at, end));
      else await pause(10);
      count.bytes += Math.max(0, end - at);
      at = Math.max(at, end);
    }
    response.end();
  });
  const registry: CountingRegistry = {
    host: server.host,
    sent,
    holdAfterBytes: undefined,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return registry;
}

function written(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve);
    response.write(bytes, () => {
      response.off('close', resolve);
      resolve();
    });
  });
}

/** Everything was sent once, whatever the number of requests. */
function assertSentOnce({ sent }: CountingRegistry, ...images: readonly CraftedImage[]): void {
  for (const { imageId, blobs, layers } of images) {
    for (const digest of [imageId, ...layers.map((layer) => layer.digest)]) {
      assert.equal(sent.get(digest)?.bytes, blobs.get(digest)?.length, `the bytes sent of ${digest}`);
    }
  }
}

/** Pulls until so much of each of `count` layers is here, and sends the signal. */
async function pullUntilHeld(
  { store, name, count = 1 }: { readonly store: TestStore; readonly name: string; readonly count?: number },
  signal: NodeJS.Signals,
): Promise<Ended> {
  const held = new AbortController();
  const pulling = store.run(['pull', name], {
    onStart: (child) => held.signal.addEventListener('abort', () => child.kill(signal)),
  });
  const ended = pulling.then(() => 'ended');
  while (heldDownloads(store) < count && (await Promise.race([ended, pause(10)])) !== 'ended');
  held.abort();
  return pulling;
}

function heldDownloads({ root }: TestStore): number {
  try {
    return readdirSync(join(root, 'ingest'))
      .filter((name) => name.startsWith('blob-'))
      .filter((name) => statSync(join(root, 'ingest', name)).size >= heldBytes).length;
  } catch {
    return 0;
  }
}

const noise = (sizeBytes: number): Buffer => randomBytes(sizeBytes);

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test(`a pull that was ended by ${signal} in the middle of three layers goes on where it was`, { skip }, async () => {
    const packings = ['gzip', 'zstd', 'none'] as const;
    const image = craftImage(packings.map((packing) => ({ files: { [packing]: noise(5_000_000) }, packing })));
    await using registry = await countingRegistry({ app: image });
    await using store = new TestStore();
    const name = `${registry.host}/app:1`;
    registry.holdAfterBytes = heldBytes;
    const ended = await pullUntilHeld({ store, name, count: 3 }, signal);
    assert.notEqual(ended.code, 0);
    await store.ok(['check']);

    registry.holdAfterBytes = undefined;
    const pulled = await store.ok(['pull', name]);
    assert.equal(pulled.stdout.match(/: Resuming at 3MB of 5\.\d+MB$/gm)?.length, 3, pulled.stdout);
    assertSentOnce(registry, image);
  });
}

test('two pulls of overlapping images at once fetch each blob once', { skip }, async () => {
  const layers = ['a', 'b', 'c', 'd'].map((path) => ({ files: { [path]: noise(4_000_000) } }));
  const [one, two] = [craftImage(layers.slice(0, 3)), craftImage(layers.slice(1))];
  await using registry = await countingRegistry({ one, two });
  await using store = new TestStore();
  const names = ['one', 'two'].map((name) => `${registry.host}/${name}:1`);
  await Promise.all(names.map((name) => store.ok(['pull', '-q', name])));
  assertSentOnce(registry, one, two);
  for (const [digest, { starts }] of registry.sent) assert.deepEqual(starts, [0], digest);
});

test('of two pulls at once one is killed: the other takes its downloads over where they were', { skip }, async () => {
  const layers = ['a', 'b', 'c'].map((path) => ({ files: { [path]: noise(4_000_000) } }));
  const [one, two] = [craftImage(layers.slice(0, 2)), craftImage(layers)];
  await using registry = await countingRegistry({ one, two });
  await using store = new TestStore();
  registry.holdAfterBytes = heldBytes;
  let other: Promise<Ended> | undefined;
  const killed = await store.run(['pull', `${registry.host}/one:1`], {
    onStart: async (child) => {
      while (heldDownloads(store) < 2) await pause(10);
      other = store.ok(['pull', '-q', `${registry.host}/two:1`]);
      while (heldDownloads(store) < 3) await pause(10);
      child.kill('SIGKILL');
    },
  });
  assert.equal(killed.signal, 'SIGKILL');
  registry.holdAfterBytes = undefined;
  await other;
  assertSentOnce(registry, two);
});

test('what is left of a download is counted by df, is no damage, and is dropped by prune', { skip }, async () => {
  const image = craftImage([{ files: { big: noise(5_000_000) } }]);
  await using registry = await countingRegistry({ app: image });
  await using store = new TestStore();
  const name = `${registry.host}/app:1`;
  registry.holdAfterBytes = heldBytes;
  await pullUntilHeld({ store, name }, 'SIGKILL');
  const usage = async (): Promise<string> => (await store.ok(['df', '--format', '{{.Type}}: {{.Size}}'])).stdout;
  assert.match(await usage(), /^Partial Downloads: [3-9](\.\d+)?MB$/m);
  assert.match((await store.ok(['check'])).stdout, /partial download/);
  await store.ok(['prune', '--force']);
  assert.deepEqual(readdirSync(join(store.root, 'ingest')), []);
  assert.match(await usage(), /^Partial Downloads: 0B$/m);

  registry.holdAfterBytes = undefined;
  await store.ok(['pull', '-q', name]);
  const [layer] = image.layers;
  assert.equal(registry.sent.get(layer?.digest ?? '')?.bytes, heldBytes + (layer?.size ?? 0), 'from the first byte');
});

test('a full disk ends a download, and the next goes on where it was', { skip: skip || noExt4 }, async () => {
  const image = craftImage([{ files: { big: noise(16_000_000) } }]);
  await using registry = await countingRegistry({ app: image });
  await using store = new TestStore();
  using disk = TestMount.ext4(store.root, 48);
  const name = `${registry.host}/app:1`;
  const ballast = join(disk.target, 'ballast');
  writeFileSync(ballast, Buffer.alloc(24 << 20, 1));
  const failed = await store.run(['pull', name]);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /no space left/i);

  rmSync(ballast);
  await store.ok(['pull', name]);
  const starts = registry.sent.get(image.layers[0]?.digest ?? '')?.starts ?? [];
  assert.deepEqual([starts.length, starts[0]], [2, 0]);
  assert.ok((starts[1] ?? 0) > 1_000_000, String(starts));
  await store.ok(['check']);
});
