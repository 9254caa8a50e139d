import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { recordOf } from '../../solver/index.ts';
import { bytesOf } from '../../std/index.ts';
import { ImportedRecords } from './imported-records.ts';
import type { SharedEntry } from './shared-entry.ts';

function entryWith(preimage: Uint8Array | undefined): SharedEntry {
  const names = { contentKey: 'key', contentId: 'content:none', slot: 'slot', label: 'RUN make', record: 'digest' };
  return { ...names, layer: undefined, createdMs: 0, reading: undefined, preimage };
}

/** A kilobyte for each 16 MiB. */
function bomb(blocks: number): Uint8Array {
  const frame = zstdCompressSync(Buffer.alloc(16 << 20));
  const block = Buffer.alloc(4 + frame.length);
  block.writeUInt32BE(frame.length);
  frame.copy(block, 4);
  return Buffer.concat(Array.from({ length: blocks }, () => block));
}

test('a record is what was packed; one that did not travel, or is none, is unknown', () => {
  const records = new ImportedRecords();
  const record = recordOf({ op: bytesOf('run') });
  assert.equal(records.of(entryWith(record.packed))?.digest, record.digest);
  assert.equal(records.of(entryWith(undefined)), undefined);
  assert.equal(records.of(entryWith(Buffer.from('no record at all'))), undefined);
});

test('records that unpack to more than an honest cache has are unknown, and all after them', () => {
  const records = new ImportedRecords(64 << 20);
  const honest = entryWith(recordOf({ op: bytesOf('run') }).packed);
  assert.ok(records.of(honest));
  assert.equal(records.of(entryWith(bomb(10_000))), undefined);
  assert.equal(records.of(entryWith(recordOf({ op: bytesOf('copy') }).packed)), undefined);
  assert.ok(records.of(honest), 'what is known stays');
});
