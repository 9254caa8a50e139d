import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { randomNumbers } from '../std/random-numbers.fixture.ts';
import { readRecord } from './record-reader.ts';
import { createRecordWriter, recordOf } from './record-writer.ts';
import { compareNames } from './record.ts';
import type { RecordFields, RecordToken } from './record.ts';

const b = bytesOf;
const nothing: RecordFields = {};
const internal = (error: unknown): boolean => Fault.is(error, 'internal');
const corrupt = (error: unknown): boolean => Fault.is(error, 'corrupt');

test('the canonical form is what the contract says, and the digest is its sha256', () => {
  const record = recordOf({ op: b('RUN'), env: { A: b(''), B: b('x'.repeat(300)) } });
  const form = `varve.record.1\0l\x03envv\x01A\x00v\x01B\xac\x02${'x'.repeat(300)}ev\x02op\x03RUN`;
  assert.equal(Buffer.concat(blocksOf(record.packed)).toString('latin1'), form);
  assert.equal(record.digest, createHash('sha256').update(form, 'latin1').digest('hex'));
  assert.equal(record.sizeBytes, form.length);
});

test('two records have the same bytes if and only if they have the same fields', () => {
  const random = randomNumbers(20_261_123);
  const seen = new Map<string, string>();
  for (let round = 0; round < 5000; round += 1) {
    const fields = randomFields(random, 3);
    const shown = show(fields);
    const { digest, packed } = recordOf(fields);
    assert.equal(seen.get(digest) ?? shown, shown);
    assert.equal(showTokens(readRecord(packed)), shown);
    seen.set(digest, shown);
  }
  assert.equal(new Set(seen.values()).size, seen.size);
  assert.ok(seen.size > 1500);
});

test('key parts are length-prefixed and domain-separated: bytes that move between fields make another record', () => {
  const records: RecordFields[] = [
    nothing,
    { a: b('') },
    { a: nothing },
    { a: { '': b('') } },
    { a: b('b') },
    { ab: b('') },
    { a: b('v\x01b\x00') },
    { a: b(''), b: b('') },
    { a: { b: b('') } },
    { a: nothing, b: b('') },
    { a: { b: nothing } },
    { a: b('e') },
    { a: b(' '), b: b('') },
    { a: b(''), b: b(' ') },
  ];
  assert.equal(new Set(records.map((each) => recordOf(each).digest)).size, records.length);
});

test('names and values are bytes', () => {
  const binary = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('') as ByteString;
  const [token] = [...readRecord(recordOf({ [binary]: binary }).packed)];
  assert.deepEqual(token, { kind: 'value', name: binary, value: binary });
});

test('siblings stand in the order of a walk: what is in a directory comes right after it', () => {
  const paths = ['a.b', 'a/b', 'a', 'b', 'a/b/c', 'a-b', 'a/b.c', '', 'A'];
  assert.deepEqual(paths.toSorted(compareNames), ['', 'A', 'a', 'a/b', 'a/b/c', 'a/b.c', 'a-b', 'a.b', 'b']);
});

test('the writer refuses what has no canonical form', () => {
  const misuses: ((writer: ReturnType<typeof createRecordWriter>) => void)[] = [
    (writer) => (writer.value(b('b'), b('')), writer.value(b('a'), b(''))),
    (writer) => (writer.value(b('a'), b('')), writer.value(b('a'), b(''))),
    (writer) => writer.endList(),
    (writer) => (writer.beginList(b('a')), writer.finish()),
    (writer) => (writer.finish(), writer.finish()),
    (writer) => (writer.finish(), writer.value(b('a'), b(''))),
    (writer) => (writer.beginList(b('a')), writer.beginList(b('b')), writer.beginList(b('c'))),
  ];
  for (const misuse of misuses) assert.throws(() => misuse(createRecordWriter()), internal);
});

test('one value of more than 16 MiB is refused as invalid', () => {
  const huge = 'x'.repeat(2 ** 24) as ByteString;
  assert.throws(
    () => createRecordWriter().value(b('a'), huge),
    (error) => Fault.is(error, 'invalid'),
  );
});

test('a large record is written and read in blocks, and is the same however it is written', () => {
  const writer = createRecordWriter();
  writer.beginList(b('files'));
  for (let index = 0; index < 20_000; index += 1) {
    writer.beginList(b(`path/${String(index).padStart(8, '0')}`));
    writer.value(b('content'), b('0123456789abcdef'.repeat(2)));
    writer.value(b('mode'), b('644'));
    writer.endList();
  }
  writer.endList();
  const record = writer.finish();
  assert.ok(blocksOf(record.packed).length > 3);
  let files = 0;
  for (const token of readRecord(record.packed)) if (token.kind === 'list') files += 1;
  assert.equal(files, 20_001);
});

test('what no writer wrote is corrupt', () => {
  const good = recordOf({ list: { a: b('1'), b: b('2') }, value: b('3') });
  const form = Buffer.concat(blocksOf(good.packed));
  for (let length = 0; length < good.packed.length; length += 1) {
    assert.throws(() => [...readRecord(good.packed.subarray(0, length))], corrupt);
  }
  for (let index = 0; index < form.length; index += 1) {
    const broken = Buffer.from(form);
    broken[index] = (broken[index] ?? 0) ^ 0x80;
    readOrCorrupt(packOne(broken));
    readOrCorrupt(packOne(form.subarray(0, index)));
  }
  const prefix = 'varve.record.1\0';
  for (const bad of ['', 'varve.record.2\0', `${prefix}e`, `${prefix}x`, `${prefix}l\x01a`, `${prefix}v\x01bv\x01a`]) {
    assert.throws(() => [...readRecord(packOne(Buffer.from(bad, 'latin1')))], corrupt);
  }
});

function readOrCorrupt(packed: Uint8Array): void {
  try {
    for (const _ of readRecord(packed));
  } catch (error) {
    assert.ok(Fault.is(error, 'corrupt'), String(error));
  }
}

function packOne(form: Uint8Array): Buffer {
  const frame = zstdCompressSync(form);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

function blocksOf(packed: Uint8Array): Buffer[] {
  const blocks: Buffer[] = [];
  const buffer = Buffer.from(packed);
  for (let at = 0; at < buffer.length; at += 4 + buffer.readUInt32BE(at)) {
    blocks.push(zstdDecompressSync(buffer.subarray(at + 4, at + 4 + buffer.readUInt32BE(at))));
  }
  return blocks;
}

/** Few letters, all of them with a meaning in the encoding, so that near collisions are common. */
function randomFields(random: () => number, depth: number): RecordFields {
  const word = (): ByteString =>
    Array.from({ length: Math.floor(random() * 3) }, () => 'vle\x00\x01\x02/a'[Math.floor(random() * 8)]).join(
      '',
    ) as ByteString;
  const fields: Record<string, ByteString | RecordFields> = {};
  for (let count = Math.floor(random() * 4); count > 0; count -= 1) {
    fields[word()] = depth > 1 && random() < 0.4 ? randomFields(random, depth - 1) : word();
  }
  return fields;
}

function show(fields: RecordFields): string {
  const names = Object.keys(fields).toSorted(compareNames);
  const parts = names.map((name) => {
    const field = fields[name] ?? nothing;
    return `${JSON.stringify(name)}:${typeof field === 'string' ? JSON.stringify(field) : show(field)}`;
  });
  return `{${parts.join(',')}}`;
}

function showTokens(tokens: Iterable<RecordToken>): string {
  let text = '{';
  for (const token of tokens) {
    if (token.kind === 'end') {
      text += '}';
      continue;
    }
    if (!text.endsWith('{')) text += ',';
    text += `${JSON.stringify(token.name)}:${token.kind === 'list' ? '{' : JSON.stringify(token.value)}`;
  }
  return `${text}}`;
}
