import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { BlobWriter } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import { mediaTypes, type Descriptor } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import { GrowingBlob } from './growing-blob.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

const bytes = randomBytes(2_500_000);

test('all who read a growing blob get its bytes from where they want, whenever they begin', async () => {
  using stores = testStores();
  using writer = stores.blobs.writer({ holder: stores.holder });
  const growing = growingOf(stores, writer);
  const early = [0, 1_000_000].map((offset) => read(growing, offset));
  await write(writer, growing, 0, 1_500_000);
  const midway = read(growing, 700_000);
  await write(writer, growing, 1_500_000, bytes.length);
  const descriptor = describe(writer);
  growing.complete(descriptor);
  const complete = read(growing, 0);
  await writer.commit();
  growing.store(descriptor);
  const late = read(growing, 2_000_000);
  assert.deepEqual(await growing.descriptor, descriptor);
  const got = await Promise.all([...early, midway, complete, late]);
  for (const [at, offset] of [0, 1_000_000, 700_000, 0, 2_000_000].entries()) {
    assert.ok(got[at]?.equals(bytes.subarray(offset)), `reader ${at}`);
  }
});

test('nobody waits for those who read, and each holds one piece', async () => {
  using stores = testStores();
  using writer = stores.blobs.writer({ holder: stores.holder });
  const growing = growingOf(stores, writer);
  const reader = growing.open(0);
  await write(writer, growing, 0, bytes.length);
  growing.complete(describe(writer));
  const pieces = new Set<ArrayBufferLike>();
  let total = 0;
  for await (const piece of reader) {
    pieces.add(piece.buffer);
    total += piece.length;
  }
  assert.equal(total, bytes.length);
  assert.equal(pieces.size, 1);
});

test('what is never whole fails for all who wait for it', async () => {
  using stores = testStores();
  using writer = stores.blobs.writer({ holder: stores.holder });
  const growing = growingOf(stores, writer);
  const reading = read(growing, 0);
  await write(writer, growing, 0, 100);
  growing.fail(new Fault('exhausted', 'the disk is full'));
  for (const waiting of [reading, growing.descriptor, read(growing, 0)]) {
    await assert.rejects(waiting, /the disk is full/);
  }
});

test('its size is guessed from what it is made of, and known in the end', async () => {
  using stores = testStores();
  using writer = stores.blobs.writer({ holder: stores.holder });
  const growing = growingOf(stores, writer);
  assert.equal(growing.expectedBytes, 10_000_000);
  writer.write(bytes.subarray(0, 1_000_000));
  growing.grow(0.25);
  assert.equal(growing.expectedBytes, 4_000_000);
  growing.complete(describe(writer));
  assert.equal(growing.expectedBytes, 1_000_000);
});

function growingOf({ blobs }: TestStores, writer: BlobWriter): GrowingBlob {
  return new GrowingBlob({ blobs, writer, mostBytes: 10_000_000 });
}

function describe(writer: BlobWriter): Descriptor {
  return { mediaType: mediaTypes.ociLayerGzip, digest: writer.digest(), size: writer.offsetBytes };
}

async function read(growing: GrowingBlob, offsetBytes: number): Promise<Buffer> {
  return Buffer.from(await readAll(copied(growing.open(offsetBytes)), bytes.length));
}

/** A piece is valid until the next is asked for. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Buffer.from(piece);
}

async function write(writer: BlobWriter, growing: GrowingBlob, start: number, end: number): Promise<void> {
  for (let at = start; at < end; at += 300_000) {
    writer.write(bytes.subarray(at, Math.min(end, at + 300_000)));
    growing.grow(0.5);
    await new Promise(setImmediate);
  }
}
