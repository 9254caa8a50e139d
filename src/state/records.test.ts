import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesFrom } from '../std/index.ts';
import type { NewCacheRecord } from './cache-records.ts';
import type { FileStamp } from './hash-entries.ts';
import { testState } from './state.fixture.ts';

const layer = { diffId: 'sha256:a', sizeBytes: 2 ** 40, entryCount: 3, bootId: 'boot', durable: false, createdMs: 5 };

test('layer records are kept, marked durable and deleted', () => {
  using fixture = testState();
  const { layers } = fixture.state;
  layers.put(layer);
  layers.put({ ...layer, diffId: 'sha256:b', contentId: 'content' });
  assert.deepEqual(layers.get('sha256:a'), layer);
  layers.markDurable(['sha256:b', 'sha256:none']);
  assert.deepEqual(layers.list(), [layer, { ...layer, diffId: 'sha256:b', contentId: 'content', durable: true }]);
  assert.equal(layers.delete('sha256:a'), true);
  assert.equal(layers.delete('sha256:a'), false);
  assert.equal(layers.get('sha256:a'), undefined);
});

test('what layers became when they were compressed is found by layer and form, and forgotten by digest', () => {
  using fixture = testState();
  const { compressedLayers } = fixture.state;
  const one = { diffId: 'sha256:a', form: 'gzip:6', digest: 'sha256:x', sizeBytes: 2 ** 40, madeBy: 'zlib 1' };
  compressedLayers.put(one);
  compressedLayers.put({ ...one, form: 'zstd:3', digest: 'sha256:y' });
  assert.deepEqual(compressedLayers.get('sha256:a', 'gzip:6'), one);
  assert.equal(compressedLayers.get('sha256:a', 'gzip:9'), undefined);
  assert.equal(compressedLayers.list().length, 2);
  compressedLayers.forget(['sha256:x']);
  assert.equal(compressedLayers.get('sha256:a', 'gzip:6'), undefined);
  assert.equal(compressedLayers.list().length, 1);
});

function cacheRecord(definitionKey: string, changes: Partial<NewCacheRecord> = {}): NewCacheRecord {
  return {
    definitionKey,
    contentKey: `content of ${definitionKey}`,
    lineage: `lineage of ${definitionKey}`,
    contentId: 'id',
    slot: 'slot',
    label: 'RUN true',
    result: '{"layer":"sha256:a"}',
    preimage: 'digest',
    preimageBytes: Buffer.from('bytes'),
    digests: ['sha256:a'],
    ...changes,
  };
}

test('a cache record is found by its keys, and the one used last wins', () => {
  using fixture = testState();
  const { cache } = fixture.state;
  cache.put(cacheRecord('one', { contentKey: 'same', lineage: 'line' }));
  fixture.now += 1000;
  cache.put(cacheRecord('two', { contentKey: 'same', lineage: 'line' }));
  assert.equal(cache.byDefinition('one')?.contentKey, 'same');
  assert.equal(cache.byContent('same')?.definitionKey, 'two');
  fixture.now += 1000;
  cache.touch(['one']);
  assert.equal(cache.byContent('same')?.definitionKey, 'one');
  assert.equal(cache.byLineage('line')?.definitionKey, 'one');
  assert.equal(cache.byContent('other'), undefined);
  assert.deepEqual(
    cache.list().map((each) => each.definitionKey),
    ['two', 'one'],
  );
});

test('what was read is known by its reading key as long as a record has it', () => {
  using fixture = testState();
  const { cache } = fixture.state;
  cache.put(cacheRecord('one', { readingKey: 'reading' }));
  cache.put(cacheRecord('two', { preimage: 'other', preimageBytes: Buffer.from('other bytes') }));
  assert.deepEqual(cache.preimageRead('reading'), new Uint8Array(Buffer.from('bytes')));
  assert.equal(cache.preimageRead('another'), undefined);
  cache.put(cacheRecord('two', { preimage: 'other', readingKey: 'reading' }));
  assert.deepEqual(cache.preimageRead('reading'), new Uint8Array(Buffer.from('other bytes')));
  cache.delete(['two']);
  assert.equal(cache.preimageRead('reading'), undefined);
});

test('earlier records of a step come newest first', () => {
  using fixture = testState();
  const { cache } = fixture.state;
  for (const key of ['one', 'two', 'three']) cache.put(cacheRecord(key));
  cache.put(cacheRecord('other', { slot: 'elsewhere' }));
  assert.deepEqual(
    cache.bySlot('slot', 2).map((each) => each.definitionKey),
    ['three', 'two'],
  );
});

test('records that share a preimage keep it until the last of them is deleted', () => {
  using fixture = testState();
  const { cache } = fixture.state;
  cache.put(cacheRecord('one'));
  cache.put(cacheRecord('two', { digests: ['sha256:a', 'sha256:b'] }));
  assert.deepEqual(cache.referring('sha256:a'), ['one', 'two']);
  assert.deepEqual(cache.byDefinition('two')?.digests, ['sha256:a', 'sha256:b']);
  cache.delete(['one']);
  assert.deepEqual(Buffer.from(cache.preimage('digest') ?? []), Buffer.from('bytes'));
  cache.delete(['two']);
  assert.equal(cache.preimage('digest'), undefined);
  assert.deepEqual(cache.referring('sha256:b'), []);
});

test('putting a record again replaces it and its digests', () => {
  using fixture = testState();
  const { cache } = fixture.state;
  cache.put(cacheRecord('one'));
  cache.put(cacheRecord('one', { digests: [], result: 'new' }));
  assert.equal(cache.byDefinition('one')?.result, 'new');
  assert.deepEqual(cache.byDefinition('one')?.digests, []);
  assert.deepEqual(cache.referring('sha256:a'), []);
});

const hash = bytesFrom(Buffer.alloc(32, 0xab));
const directory = { dev: 1, ino: 2n };
const scannedAtMs = 1_700_000_000_000;

function stamp(changes: Partial<FileStamp> = {}): FileStamp {
  const old = { sec: scannedAtMs / 1000 - 100, nsec: 123_456_789 };
  return { dev: 1, inoHigh: 2 ** 31, inoLow: 1, ctime: old, mtime: { sec: -5, nsec: 1 }, size: 2 ** 40, ...changes };
}

test('a hash is remembered for the very same device, inode, times and size only', () => {
  using fixture = testState();
  const { stats } = fixture.state;
  stats.directory(directory).put([{ status: stamp(), hash }], { scannedAtMs });
  const known = stats.directory(directory);
  assert.equal(known.hashOf(stamp()), hash);
  const others: Partial<FileStamp>[] = [
    { dev: 2 },
    { inoLow: 0 },
    { inoHigh: 0 },
    { size: 1 },
    { mtime: { sec: -5, nsec: 2 } },
    { mtime: { sec: -4, nsec: 1 } },
    { ctime: { ...stamp().ctime, nsec: 0 } },
    { ctime: { ...stamp().ctime, sec: 0 } },
  ];
  for (const other of others) assert.equal(known.hashOf(stamp(other)), undefined);
  assert.equal(stats.directory({ dev: 1, ino: 3n }).hashOf(stamp()), undefined);
});

test('the stat cache is not used for files changed within 2 s of the scan', () => {
  using fixture = testState();
  const { stats } = fixture.state;
  for (const [ageMs, kept] of [
    [2001, true],
    [1999, false],
    [-5000, false],
  ] as const) {
    const changed = scannedAtMs - ageMs;
    const ctime = { sec: Math.floor(changed / 1000), nsec: (changed % 1000) * 1e6 };
    stats.directory(directory).put([{ status: stamp({ ctime }), hash }], { scannedAtMs });
    assert.equal(stats.directory(directory).hashOf(stamp({ ctime })) !== undefined, kept, `${ageMs} ms`);
  }
});

test('what was put long ago can be forgotten', () => {
  using fixture = testState();
  const { stats } = fixture.state;
  stats.directory(directory).put([{ status: stamp(), hash }], { scannedAtMs });
  fixture.now += 1000;
  stats.directory({ dev: 1, ino: 9n }).put([{ status: stamp(), hash }], { scannedAtMs });
  stats.forgetBefore(fixture.now);
  assert.equal(stats.directory(directory).hashOf(stamp()), undefined);
  assert.equal(stats.directory({ dev: 1, ino: 9n }).hashOf(stamp()), hash);
});

test('what is learned of a directory joins what was asked for, the rest is forgotten', () => {
  using fixture = testState();
  const { stats } = fixture.state;
  const files = Array.from({ length: 100 }, (_, index) => {
    const inode = (index * 37) % 100;
    return { status: stamp({ inoLow: inode, size: inode }), hash: bytesFrom(Buffer.alloc(32, inode)) };
  });
  stats.directory(directory).put(files, { scannedAtMs });
  const known = stats.directory(directory);
  assert.equal(known.fileCount, 100);
  for (const { status, hash: expected } of files.slice(1)) assert.equal(known.hashOf(status), expected);
  known.put([{ status: stamp({ inoHigh: 7 }), hash }], { scannedAtMs });
  const after = stats.directory(directory);
  const kept = files.map(({ status, hash: expected }) => after.hashOf(status) === expected);
  assert.deepEqual([kept[0], kept.slice(1).every(Boolean)], [false, true]);
  assert.equal(after.hashOf(stamp({ inoHigh: 7 })), hash);
});
