import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf, parseReference, type Descriptor, type Digest, type DiffId } from '../oci/index.ts';
import type { GrowingContent, RemoteTarget } from '../registry/index.ts';
import { craftTar, linuxAmd64 } from './crafted-image.fixture.ts';
import type { StoredImage } from './image-store.ts';
import { importImage } from './import-image.ts';
import { LayerSources } from './layer-sources.ts';
import { storedOutgoing } from './outgoing-image.ts';
import { pushImage } from './push-image.ts';
import type { PushEvent } from './push-layer.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

/** Does not become smaller, and is large enough to leave while it is compressed. */
const large = craftTar({ large: randomBytes(9 << 20) });
const small = craftTar({ small: 'a small file' });

test('a large layer leaves while it is compressed; what was sent is what is kept', async () => {
  using stores = testStores();
  const target = new FakeTarget();
  const { states, layers } = await push(stores, large, target);
  assert.deepEqual(target.calls, ['grow', 'put config', 'manifest']);
  assert.deepEqual(states, ['preparing', 'waiting', 'done']);
  const [layer] = layers;
  assert.ok(layer !== undefined && stores.blobs.verify(layer.digest));
  assert.ok(target.blobs.has(layer.digest));
});

test('a small layer is asked for before it is sent', async () => {
  using stores = testStores();
  const target = new FakeTarget();
  await push(stores, small, target);
  assert.deepEqual(target.calls, ['put layer', 'put config', 'manifest']);
});

test('what was compressed before is asked for before it is sent', async () => {
  using stores = testStores();
  await push(stores, large, new FakeTarget());
  const other = new FakeTarget();
  await push(stores, large, other);
  assert.deepEqual(other.calls, ['put layer', 'put config', 'manifest']);
});

test('an upload that fails in the middle leaves the compressed layer: the next push only sends', async () => {
  using stores = testStores();
  const failing = new FakeTarget({ failAfterBytes: 1 << 20 });
  await assert.rejects(push(stores, large, failing), /the other side is gone/);
  const [made] = stores.state.compressedLayers.list();
  assert.ok(made !== undefined && stores.blobs.verify(made.digest as Digest));
  const target = new FakeTarget();
  const { layers } = await push(stores, large, target);
  assert.equal(layers[0]?.digest, made.digest);
  assert.deepEqual(target.calls, ['put layer', 'put config', 'manifest']);
});

test('a place that turns out to have the layer when it is whole is not sent the rest', async () => {
  using stores = testStores();
  const first = new FakeTarget();
  await push(stores, large, first);
  using others = testStores();
  const slow = new FakeTarget({ blobs: first.blobs, stopsAfterBytes: 1 << 20 });
  const { states } = await push(others, large, slow);
  assert.deepEqual(states, ['preparing', 'waiting', 'exists']);
  assert.deepEqual(slow.calls, ['grow', 'put config', 'manifest']);
});

test('a push that is cancelled while it compresses ends, and keeps nothing half made', async () => {
  using stores = testStores();
  const stop = new AbortController();
  const target = new FakeTarget({ onGrow: () => stop.abort() });
  await assert.rejects(push(stores, large, target, stop.signal), (error) => Fault.is(error, 'cancelled'));
  assert.deepEqual(stores.state.compressedLayers.list(), []);
  assert.deepEqual(stores.blobs.ingests(), []);
});

interface Pushed {
  readonly states: readonly string[];
  readonly layers: readonly Descriptor[];
}

async function push(
  stores: TestStores,
  tar: Buffer,
  target: FakeTarget,
  signal: AbortSignal = new AbortController().signal,
): Promise<Pushed> {
  const image = await importedImage(stores, tar);
  const { blobs, layers, holder, state } = stores;
  const memory = { records: state.compressedLayers, locks: state.locks };
  const packing = { kind: 'gzip', level: undefined, isForced: false } as const;
  const sources = new LayerSources({ blobs, layers, holder, signal, packing, images: [], memory });
  const states: string[] = [];
  await pushImage(target, storedOutgoing(image, blobs).content, {
    ports: { blobs, sources },
    options: {
      tag: 'latest',
      elsewhere: () => [],
      signal,
      onEvent: (event: PushEvent) => event.kind === 'layer' && states.push(event.state),
    },
  });
  const made = state.compressedLayers.get(image.chain[0] as DiffId, 'gzip');
  const layer = made && { mediaType: 'layer', digest: made.digest as Digest, size: made.sizeBytes };
  return { states, layers: layer === undefined ? [] : [layer] };
}

function importedImage(stores: TestStores, tar: Buffer): Promise<StoredImage> {
  return importImage(onceOf(tar), {
    ...stores,
    clock: Date,
    names: [parseReference('registry.test/app')],
    platform: linuxAmd64,
    config: {},
    message: undefined,
    signal: new AbortController().signal,
  });
}

async function* onceOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

interface FakeTargetOptions {
  readonly blobs?: Map<string, number>;
  readonly failAfterBytes?: number;
  /** Takes no more than so much before it is cancelled. */
  readonly stopsAfterBytes?: number;
  readonly onGrow?: () => void;
}

class FakeTarget implements RemoteTarget {
  readonly name = 'registry.test/app';
  readonly calls: string[] = [];
  readonly blobs: Map<string, number>;
  readonly #options: FakeTargetOptions;

  constructor(options: FakeTargetOptions = {}) {
    this.#options = options;
    this.blobs = new Map(options.blobs);
  }

  manifest(): never {
    throw new Error('nobody reads here');
  }

  blob(): never {
    throw new Error('nobody reads here');
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.blobs.has(digest);
  }

  async mountBlob(): Promise<boolean> {
    return false;
  }

  async putBlob({ descriptor }: { readonly descriptor: Descriptor }): Promise<void> {
    this.calls.push(descriptor.mediaType.includes('config') ? 'put config' : 'put layer');
    this.blobs.set(descriptor.digest, descriptor.size);
  }

  async putGrowingBlob(content: GrowingContent, options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    this.calls.push('grow');
    const { failAfterBytes = Infinity, stopsAfterBytes = Infinity, onGrow } = this.#options;
    const taken: Buffer[] = [];
    let takenBytes = 0;
    for await (const piece of content.open(0)) {
      onGrow?.();
      if (options.signal?.aborted === true) throw new Fault('cancelled', 'upload: cancelled');
      taken.push(Buffer.from(piece));
      takenBytes += piece.length;
      if (takenBytes >= failAfterBytes) throw new Fault('unavailable', 'the other side is gone');
      if (takenBytes >= stopsAfterBytes) await cancelled(options.signal);
    }
    const { digest, size } = await content.descriptor;
    assert.equal(digestOf(Buffer.concat(taken)), digest);
    this.blobs.set(digest, size);
  }

  async findManifest(): Promise<undefined> {
    return undefined;
  }

  async putManifest(bytes: Uint8Array): Promise<Digest> {
    this.calls.push('manifest');
    return digestOf(bytes);
  }
}

function cancelled(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Fault('cancelled', 'upload: cancelled')), { once: true });
  });
}
