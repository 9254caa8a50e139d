import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { compress, type CompressOptions } from './compress.ts';
import { decompress } from './compression.ts';
import { readAll } from './read-all.ts';

const text = Buffer.from('sediment '.repeat(100_000));

test('what is compressed is what is uncompressed again, at any level, the same each time', async () => {
  for (const kind of ['gzip', 'zstd'] as const) {
    const undo = kind === 'gzip' ? gunzipSync : zstdDecompressSync;
    for (const level of [undefined, 1, 9]) {
      const [once, again] = [await packed(text, { kind, level }), await packed(text, { kind, level })];
      assert.deepEqual(once, again);
      assert.deepEqual(undo(once), text);
    }
  }
});

test('the bytes do not depend on how they come', async () => {
  for (const kind of ['gzip', 'zstd'] as const) {
    assert.deepEqual(await packed(text, { kind }, 1000), await packed(text, { kind }, 300_000));
  }
});

test('a gzip header names no time and no system (RFC 1952)', async () => {
  const header = (await packed(text, { kind: 'gzip' })).subarray(0, 10);
  assert.deepEqual([...header.subarray(3, 8)], [0, 0, 0, 0, 0]);
  assert.equal(header[9], 255);
});

test('the same bytes come out of one thread and of many', () => {
  const program = `
    import { createHash } from 'node:crypto';
    import { compress } from ${JSON.stringify(join(import.meta.dirname, 'compress.ts'))};
    const source = async function* () {
      for (let i = 0; i < 300; i++) yield Buffer.alloc(40_009, 'sediment ' + i);
    };
    const hash = createHash('sha256');
    for (const kind of ['gzip', 'zstd']) for await (const chunk of compress(source(), { kind })) hash.update(chunk);
    console.log(hash.digest('hex'));
  `;
  const hashes = ['1', '2', '7'].map((threads) => {
    const env = { ...process.env, UV_THREADPOOL_SIZE: threads };
    return execFileSync(process.execPath, ['--input-type=module', '--eval', program], { env, encoding: 'utf8' });
  });
  assert.match(hashes[0] ?? '', /^[0-9a-f]{64}\n$/);
  assert.equal(new Set(hashes).size, 1);
});

test('many blocks are undone by the programs gzip and zstd, and by what is here', async () => {
  const many = Buffer.concat(Array.from({ length: 60 }, (_, at) => Buffer.alloc(200_001, `block ${at} `)));
  for (const kind of ['gzip', 'zstd'] as const) {
    const file = await packed(many, { kind });
    const undone = spawnSync(kind, ['-dc'], { input: file, maxBuffer: 1 << 26 });
    assert.ok(undone.stdout.equals(many), `${kind}: ${undone.stderr.toString()}`);
    const here = decompress(chunksOf(file));
    assert.ok(Buffer.from(await readAll(here, 1 << 26)).equals(many));
  }
});

test('nothing is compressed to an empty stream', async () => {
  assert.equal(gunzipSync(await packed(Buffer.alloc(0), { kind: 'gzip' })).length, 0);
});

test('a failure of the source comes through', async () => {
  await assert.rejects(readAll(compress(failing(), { kind: 'gzip' }), 1 << 24), /cut/);
});

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield text;
  throw new Error('cut');
}

async function packed(bytes: Buffer, options: CompressOptions, pieceBytes = 65_536): Promise<Buffer> {
  const pieces = async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
  };
  return Buffer.from(await readAll(compress(pieces(), options), 1 << 24));
}
