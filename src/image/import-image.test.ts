import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Fault, type FaultCode } from '../errors/index.ts';
import { digestOf, parseReference } from '../oci/index.ts';
import { craftTar, linuxAmd64 } from './crafted-image.fixture.ts';
import type { StoredImage } from './image-store.ts';
import { importImage } from './import-image.ts';
import { testStores, type TestStores } from './test-stores.fixture.ts';

const isFault = (code: FaultCode) => (error: unknown) => Fault.is(error, code);
const tar = craftTar({ 'etc/': '', 'etc/hostname': 'here\n' });

test('a tar of a root filesystem, however it is packed, becomes the same layer', async () => {
  for (const bytes of [tar, gzipSync(tar), zstdCompressSync(tar)]) {
    using stores = testStores();
    const image = await importBytes(stores, bytes);
    assert.deepEqual(image.chain, [digestOf(tar)]);
    assert.deepEqual(image.names, ['docker.io/library/base:latest']);
    assert.deepEqual(image.config.config?.Cmd, ['sh']);
    assert.deepEqual(image.config.history?.[0]?.comment, 'from a test');
  }
});

test('what is no tar, or is cut short, is refused and leaves nothing', async () => {
  const packed = gzipSync(tar);
  for (const [bytes, code] of [
    [Buffer.alloc(2048, 'no tar at all '), 'invalid'],
    [tar.subarray(0, 700), 'corrupt'],
    [packed.subarray(0, packed.length - 9), 'corrupt'],
    [Buffer.from('BZh91AY&SY'), 'unsupported'],
  ] as const) {
    using stores = testStores();
    await assert.rejects(importBytes(stores, bytes), isFault(code));
    assert.deepEqual([stores.images.list(), stores.layers.list()], [[], []]);
  }
});

async function importBytes(stores: TestStores, bytes: Uint8Array): Promise<StoredImage> {
  return importImage(oneByOne(bytes), {
    ...stores,
    clock: Date,
    names: [parseReference('base')],
    platform: linuxAmd64,
    config: { Cmd: ['sh'] },
    message: 'from a test',
    signal: new AbortController().signal,
  });
}

async function* oneByOne(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}
