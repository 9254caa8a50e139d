import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import type { DecompressionLimits } from './compression.ts';
import { decompress, detectCompression, peekCompression } from './compression.ts';
import { readAll } from './read-all.ts';

const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

test('a stream is recognised by its first bytes', () => {
  assert.equal(detectCompression(gzipSync('x')), 'gzip');
  assert.equal(detectCompression(zstdCompressSync('x')), 'zstd');
  assert.equal(detectCompression(skippable), 'zstd');
  assert.equal(detectCompression(Buffer.from('BZh91AY')), 'bzip2');
  assert.equal(detectCompression(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])), 'xz');
  assert.equal(detectCompression(Buffer.from('etc/passwd\0\0')), 'none');
  assert.equal(detectCompression(Buffer.from([0x1f])), 'none');
  assert.equal(detectCompression(Buffer.alloc(0)), 'none');
});

test('peeking loses nothing, however the bytes come', async () => {
  const bytes = gzipSync('varve');
  for (const size of [1, 2, 5, 1000]) {
    const peeked = await peekCompression(pieces(bytes, size));
    assert.equal(peeked.compression, 'gzip');
    assert.deepEqual(Buffer.from(await readAll(peeked.bytes, 1000)), bytes);
  }
  assert.equal((await peekCompression(pieces(Buffer.alloc(0), 1))).compression, 'none');
});

test('what was compressed comes out, whatever the size of the pieces', async () => {
  const data = Buffer.concat([randomBytes(300_000), Buffer.alloc(3_000_000, 'varve')]);
  for (const bytes of [data, gzipSync(data), zstdCompressSync(data)]) {
    for (const size of [1000, 65_536, bytes.length]) {
      assert.equal(sha256(await inflated(bytes, { size })), sha256(data));
    }
  }
});

test('accept multi-member gzip and multi-frame zstd, cut anywhere', async () => {
  const gzip = Buffer.concat([gzipSync('abc'), gzipSync(''), gzipSync('def')]);
  const zstd = Buffer.concat([skippable, zstdCompressSync('abc'), zstdCompressSync('def')]);
  for (const bytes of [gzip, zstd]) {
    for (let size = 1; size <= bytes.length; size++) {
      assert.equal((await inflated(bytes, { size })).toString(), 'abcdef', `pieces of ${size}`);
    }
  }
});

test('the source is read to its very end, past padding with zeros', async () => {
  for (const packed of [gzipSync('abc'), zstdCompressSync('abc')]) {
    for (const [padding, size] of [
      [100, 1],
      [100, 7],
      [100, packed.length],
      [5_000_000, 50_000],
    ] as const) {
      const bytes = Buffer.concat([packed, Buffer.alloc(padding)]);
      let read = 0;
      const counting = async function* (): AsyncGenerator<Uint8Array> {
        for await (const piece of pieces(bytes, size)) {
          read += piece.length;
          yield piece;
        }
      };
      assert.equal(Buffer.from(await readAll(decompress(counting()), 100)).toString(), 'abc');
      assert.equal(read, bytes.length);
    }
  }
});

test('a stream that is cut short, broken or followed by something else is corrupt', async () => {
  for (const packed of [gzipSync(randomBytes(5000)), zstdCompressSync(randomBytes(5000))]) {
    const broken = Buffer.from(packed);
    broken.fill(0xff, 6, 60);
    const cases = [packed.subarray(0, packed.length - 1), packed.subarray(0, 8), broken];
    for (const bytes of [...cases, Buffer.concat([packed, Buffer.from('more')])]) {
      for (const size of [1, 1000, 10_000]) {
        await assert.rejects(inflated(bytes, { size }), (error) => Fault.is(error, 'corrupt'));
      }
    }
  }
});

test('bzip2 and xz are named in the refusal', async () => {
  await assert.rejects(inflated(Buffer.from('BZh91AY&SY')), /decompress bzip2: only gzip and zstd/);
  await assert.rejects(inflated(Buffer.from('\xfd7zXZ\0', 'latin1')), /decompress xz: only gzip and zstd/);
});

test('a fault of the source comes through as it is', async () => {
  const fault = new Fault('unavailable', 'the line is down');
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield gzipSync(randomBytes(1000)).subarray(0, 500);
    throw fault;
  };
  await assert.rejects(readAll(decompress(failing()), 10_000), (error) => error === fault);
});

test('a limit on size and on ratio stops a bomb', async () => {
  const bomb = gzipSync(Buffer.alloc(70 * 1024 * 1024));
  await assert.rejects(inflated(bomb, { limits: { maxBytes: 1000 } }), (error) => Fault.is(error, 'exhausted'));
  await assert.rejects(inflated(bomb, { limits: { maxRatio: 100 } }), /out of \d+, over the allowed 100 to 1/);
  assert.equal((await inflated(bomb, { limits: { maxRatio: 1100 } })).length, 70 * 1024 * 1024);
});

test('who stops early ends the source', async () => {
  const ended = Promise.withResolvers<void>();
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield gzipSync(randomBytes(100_000));
    } finally {
      ended.resolve();
    }
  };
  for await (const chunk of decompress(endless())) if (chunk.length > 0) break;
  await ended.promise;
});

test('the source has ended when a broken stream is reported, whatever it still waits for', async () => {
  let hasEnded = false;
  const slow = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.concat([gzipSync(randomBytes(1000)), Buffer.from('\x1f\x8bbroken', 'latin1')]);
      await pause(20);
      yield randomBytes(1000);
    } finally {
      hasEnded = true;
    }
  };
  await assert.rejects(readAll(decompress(slow()), 10_000), (error) => Fault.is(error, 'corrupt'));
  assert.ok(hasEnded);
});

test('zstd may take 32 MiB of memory to undo, and says by its first bytes if it takes much', async () => {
  for (const [windowLog, isWide] of [
    [19, false],
    [23, false],
    [24, true],
    [25, true],
  ] as const) {
    const packed = zstdStream(windowLog);
    assert.equal((await peekCompression(pieces(packed, 3))).isWide, isWide, String(windowLog));
    assert.equal((await inflated(packed)).length, 100_000);
  }
  const whole = { params: { [constants.ZSTD_c_windowLog]: 27 } };
  const [small, large] = [1_000_000, 9_000_000].map((length) => zstdCompressSync(Buffer.alloc(length), whole));
  assert.equal((await peekCompression(pieces(small ?? skippable, 100))).isWide, false);
  assert.equal((await peekCompression(pieces(large ?? skippable, 100))).isWide, true);
  for (const packed of [zstdStream(26), Buffer.concat([zstdStream(19), zstdStream(26)])]) {
    await assert.rejects(inflated(packed), (error) => {
      return Fault.is(error, 'unsupported') && /more than 32 MiB of memory/.test(error.message);
    });
  }
});

/** As it is made of a stream whose length is not known when it begins. */
function zstdStream(windowLog: number): Buffer {
  const frame = zstdCompressSync(Buffer.alloc(100_000), { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
  const header = Buffer.from(frame.subarray(0, 6));
  assert.equal(header.readUInt8(4) & 0x20, 0);
  header.writeUInt8((windowLog - 10) << 3, 5);
  return Buffer.concat([header, frame.subarray(6)]);
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function inflated(
  bytes: Uint8Array,
  options: { readonly size?: number; readonly limits?: DecompressionLimits } = {},
): Promise<Buffer> {
  const output = decompress(pieces(bytes, options.size ?? 65_536), options.limits);
  return Buffer.from(await readAll(output, 100_000_000));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
