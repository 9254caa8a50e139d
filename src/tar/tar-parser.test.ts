import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { rawMember, readArchive } from './archive.fixture.ts';
import { TarParser, blockSize, endOfArchive, formatHeader, paddingOf, scanTar } from './index.ts';
import type { TarEntry, TarLimits } from './index.ts';
import { formatPaxRecord } from './pax-records.ts';

const plain: TarEntry = {
  path: bytesOf('file'),
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { sec: 0, nsec: 0 },
  link: bytesOf(''),
  devMajor: 0,
  devMinor: 0,
  xattrs: new Map(),
};

test('content that nobody takes need not be read', () => {
  const parser = new TarParser({ entry: () => undefined });
  parser.write(formatHeader({ ...plain, size: 2 ** 40 + 1 }));
  assert.equal(parser.unread, 2 ** 40 + blockSize);
  assert.equal(parser.skip(Infinity), 2 ** 40 + blockSize);
  assert.equal(parser.unread, 0);
  assert.equal(parser.skip(1), 0);
  assert.deepEqual(parser.end(), { entryCount: 1, archiveBytes: 2 ** 40 + 4 * blockSize, trailingBytes: 0 });
});

test('content that is taken comes as views of the chunks, with its offsets, and is ended once', () => {
  const archive = Buffer.concat([formatHeader({ ...plain, size: 600 }), Buffer.alloc(1024, 'x'), formatHeader(plain)]);
  const seen: unknown[] = [];
  const parser = new TarParser({
    entry: (entry, place) => {
      seen.push([entry.size, place.dataOffset]);
      return {
        write: (chunk, offset) => seen.push([offset, chunk.length, chunk.buffer === archive.buffer]),
        end: () => seen.push('end'),
      };
    },
  });
  for (const [start, end] of [
    [0, 700],
    [700, 1000],
    [1000, archive.length],
  ]) {
    parser.write(archive.subarray(start, end));
    assert.ok(parser.unread === 0 || (end ?? 0) >= 512 + 600);
  }
  parser.end();
  assert.deepEqual(seen, [[600, 512], [0, 188, true], [188, 300, true], [488, 112, true], 'end', [0, 2048], 'end']);
});

test('a blob is read to its end after the end marker', () => {
  const archive = Buffer.concat([formatHeader(plain), endOfArchive, Buffer.alloc(9000, 'anything')]);
  for (const chunkBytes of [1, 100, 10_000]) {
    const { summary } = readArchive(archive, { chunkBytes: () => chunkBytes });
    assert.deepEqual(summary, { entryCount: 1, archiveBytes: 1536, trailingBytes: 9000 });
  }
});

test('an archive may end where a header is due, and in the padding; elsewhere it is cut off', () => {
  const first = Buffer.concat([formatHeader({ ...plain, size: 600, uid: 3_000_000 }), Buffer.alloc(1024)]);
  const archive = Buffer.concat([first, formatHeader(plain), endOfArchive]);
  const headers = first.length - 1024;
  // A PAX header that nothing follows has no effect, as in Go; its padding may be missing, too.
  const body = Buffer.byteLength('15 uid=3000000\n');
  const mayEnd = (length: number): boolean =>
    length === 0 ||
    (length >= 512 + body && length <= 1024) ||
    (length >= headers + 600 && length <= first.length) ||
    (length > first.length && length % 512 === 0);
  for (let length = 0; length <= archive.length; length++) {
    const { fault } = readArchive(archive.subarray(0, length));
    assert.equal(fault?.code, mayEnd(length) ? undefined : 'corrupt', `cut at ${length}`);
  }
});

test('a Fault says where; what a sink throws passes through unchanged', () => {
  const damaged = Buffer.concat([formatHeader(plain), formatHeader(plain)]);
  damaged[512] = 0x66 + 1;
  assert.match(
    readArchive(damaged).fault?.message ?? '',
    /^read tar: member at byte 512: the header checksum is wrong$/,
  );
  const own = new Error('own');
  const parser = new TarParser({
    entry: () => {
      throw own;
    },
  });
  assert.throws(
    () => parser.write(formatHeader(plain)),
    (error) => error === own,
  );
});

test('limits on everything that comes from outside', () => {
  const long = formatHeader({ ...plain, path: bytesOf('n'.repeat(5000)) });
  const attribute = (name: string, value: string): Buffer =>
    formatHeader({ ...plain, xattrs: new Map([[bytesOf(name), bytesOf(value)]]) });
  const map = paxMember([
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
  ]);
  const refused: readonly (readonly [Uint8Array, Partial<TarLimits>])[] = [
    [Buffer.concat([formatHeader(plain), formatHeader(plain)]), { entries: 1 }],
    [long, {}],
    [formatHeader({ ...plain, type: 'symlink', link: bytesOf('t'.repeat(5000)) }), {}],
    [rawMember({ typeFlag: 'L', content: 'n'.repeat(5000) + '\0' }), { extensionBytes: 5000 }],
    [rawMember({ typeFlag: 'x', size: 2 ** 30, content: '' }), {}],
    [attribute('user.a', 'x'.repeat(65_537)), {}],
    [attribute(`user.${'n'.repeat(251)}`, ''), {}],
    [Buffer.concat([map, rawMember({ typeFlag: '0', content: '200000\n'.padEnd(512, '\0') })]), {}],
  ];
  for (const [archive, limits] of refused) assert.equal(readArchive(archive, { limits }).fault?.code, 'exhausted');
  assert.equal(readArchive(long, { limits: { pathBytes: 5000 } }).fault, undefined);
});

test('what is no file is passed over, what cannot be a file is refused', () => {
  for (const typeFlag of ['V', 'A']) {
    const archive = Buffer.concat([rawMember({ typeFlag, content: 'text' }), formatHeader(plain)]);
    assert.deepEqual(
      readArchive(archive).members.map(({ entry }) => entry.path),
      ['file'],
    );
  }
  for (const typeFlag of ['M', 'N', 'Z', '9', '\xff']) {
    assert.equal(readArchive(rawMember({ typeFlag, content: 'text' })).fault?.code, 'unsupported');
  }
});

test('the directory of a GNU dump is a directory, its list of names no content', () => {
  const archive = Buffer.concat([
    rawMember({ typeFlag: 'D', name: 'dir/', content: 'Yfile\0\0' }),
    formatHeader(plain),
  ]);
  const [dump, file] = readArchive(archive).members;
  assert.equal(dump?.entry.type, 'dir');
  assert.equal(dump?.entry.size, 0);
  assert.equal(dump?.place.storedSize, 0);
  assert.equal(file?.place.headerOffset, 1024);
});

test('a file is a directory where V7 says so with a slash, and its size then means nothing', () => {
  const archive = Buffer.concat([
    rawMember({ typeFlag: '\0', name: 'dir//', size: 5, content: '' }),
    formatHeader(plain),
  ]);
  const { members } = readArchive(archive);
  assert.deepEqual(
    members.map(({ entry }) => [entry.path, entry.type, entry.size]),
    [
      ['dir', 'dir', 0],
      ['file', 'file', 0],
    ],
  );
});

test('PAX values are bytes, the last of equal records counts, empty ones leave the header standing', () => {
  const records: readonly (readonly [string, string])[] = [
    ['path', 'one'],
    ['path', 't\xff\xfe'],
    ['uid', ''],
    ['SCHILY.xattr.security.capability', '\0\n\xff=\x80'],
    ['SCHILY.xattr.user.empty', ''],
  ];
  const read = readArchive(Buffer.concat([paxMember(records), formatHeader({ ...plain, uid: 7 })]));
  assert.equal(read.fault, undefined);
  const { entry } = read.members[0] ?? assert.fail();
  assert.equal(entry.path, 't\xff\xfe');
  assert.equal(entry.uid, 7);
  assert.deepEqual(
    [...entry.xattrs],
    [
      ['security.capability', '\0\n\xff=\x80'],
      ['user.empty', ''],
    ],
  );
});

test("global PAX headers, where applied, hold until others replace them; a member's own records win", () => {
  const archive = Buffer.concat([
    rawMember({ typeFlag: 'g', content: '9 uid=11\n9 gid=22\n' }),
    formatHeader(plain),
    rawMember({ typeFlag: 'g', content: '9 uid=33\n' }),
    paxMember([['gid', '44']]),
    formatHeader(plain),
    formatHeader(plain),
  ]);
  const owners = (globalRecords: 'apply' | 'ignore'): unknown[] =>
    readArchive(archive, { globalRecords }).members.map(({ entry }) => [entry.uid, entry.gid]);
  assert.deepEqual(owners('apply'), [
    [11, 22],
    [33, 44],
    [33, 22],
  ]);
  assert.deepEqual(owners('ignore'), [
    [0, 0],
    [0, 44],
    [0, 0],
  ]);
});

test('malformed PAX records are refused', () => {
  for (const body of [
    'path=x\n',
    '5 a=b\n',
    '7 a=b\n',
    '6 a=bc',
    '99999999999999999999 a=b\n',
    '4 =\n\n',
    '5 =b\n',
    '5 ab\n',
    '-6 a=b\n',
    '13 path=a\0bc\n',
    '12 mtime=1e3\n',
    '9 uid=-1\n',
    '20 uid=4294967296000\n',
    '11 size=-1\n',
    '27 size=99999999999999999999\n',
    '26 GNU.sparse.numbytes=12\n',
  ]) {
    const archive = Buffer.concat([rawMember({ typeFlag: 'x', content: body }), formatHeader(plain)]);
    assert.equal(readArchive(archive).fault?.code, 'invalid', body);
  }
});

test('sums of signed bytes, as old programs wrote them, are accepted', () => {
  const header = formatHeader({ ...plain, path: bytesOf('file') });
  header.write('\xe9', 0, 'latin1');
  const unsigned = 0x20 * 8 + header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0 : byte), 0);
  for (const [sum, isRight] of [
    [unsigned, true],
    [unsigned - 256, true],
    [unsigned - 1, false],
  ] as const) {
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    assert.equal(readArchive(header).fault === undefined, isRight);
  }
});

test('base-256 numbers: negative times, large ids; what is no id is refused', () => {
  const minusTwo = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe];
  const read = readArchive(
    rawMember({
      typeFlag: '0',
      content: '',
      fields: [
        [136, minusTwo],
        [108, [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]],
      ],
    }),
  );
  assert.deepEqual(read.members[0]?.entry.mtime, { sec: -2, nsec: 0 });
  assert.equal(read.members[0]?.entry.uid, 2 ** 32 - 1);
  for (const uid of [
    [0x80, 0, 0, 1, 0, 0, 0, 0],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
    [0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
  ]) {
    assert.equal(readArchive(rawMember({ typeFlag: '0', content: '', fields: [[108, uid]] })).fault?.code, 'invalid');
  }
  assert.equal(
    readArchive(rawMember({ typeFlag: '0', content: '', fields: [[124, minusTwo]] })).fault?.code,
    'invalid',
  );
});

test('sparse maps that overlap, descend, pass the end or do not fit the content are refused', () => {
  assert.deepEqual(readArchive(sparseFile('0,4,90,10,100,0', 'x'.repeat(14))).members[0]?.place.segments, [
    { offset: 0, length: 4, dataOffset: 1536 },
    { offset: 90, length: 10, dataOffset: 1540 },
  ]);
  assert.deepEqual(readArchive(sparseFile('', '')).members[0]?.place.segments, []);
  for (const map of ['0,15', '0,13', '0,10,5,4', '50,10,0,4', '90,14', '-1,14', '0,-1,0,15', '14', '0,x']) {
    assert.equal(readArchive(sparseFile(map, 'x'.repeat(14))).fault?.code, 'invalid', map);
  }
});

test('scanning a stored archive reads little more than its headers', () => {
  const parts: Uint8Array[] = [];
  for (let index = 0; index < 20; index++) {
    parts.push(
      formatHeader({ ...plain, path: bytesOf(`file${index}`), size: 1_000_001 }),
      Buffer.alloc(1_000_001 + paddingOf(1_000_001)),
    );
  }
  const archive = Buffer.concat([...parts, endOfArchive, Buffer.alloc(1_000_000)]);
  let readBytes = 0;
  const names: ByteString[] = [];
  const source = {
    size: archive.length,
    read: (offset: number, length: number) => {
      readBytes += length;
      return archive.subarray(offset, offset + length);
    },
  };
  const summary = scanTar(source, {
    entry: (entry) => {
      names.push(entry.path);
      return undefined;
    },
  });
  assert.equal(names.length, 20);
  assert.equal(summary.trailingBytes, 1_000_000);
  assert.ok(readBytes < 2_000_000, `${readBytes} bytes read`);
  const cutOff = { size: archive.length, read: () => new Uint8Array() };
  assert.throws(
    () => scanTar(cutOff, { entry: () => undefined }),
    (error) => Fault.is(error, 'corrupt'),
  );
  const shortened = { ...source, size: 1_000_000 };
  assert.throws(
    () => scanTar(shortened, { entry: () => undefined }),
    (error) => Fault.is(error, 'corrupt'),
  );
});

function paxMember(records: readonly (readonly [string, string])[]): Buffer {
  const content = records.map(([key, value]) => formatPaxRecord(key, value as ByteString)).join('');
  return rawMember({ typeFlag: 'x', content });
}

/** A sparse file of 100 bytes with a map as GNU's format 0.1 has it. */
function sparseFile(map: string, content: string): Buffer {
  const records: readonly (readonly [string, string])[] = [
    ['GNU.sparse.major', '0'],
    ['GNU.sparse.minor', '1'],
    ['GNU.sparse.size', '100'],
    ['GNU.sparse.numblocks', String(Math.floor((map.match(/[^,]+/g) ?? []).length / 2))],
    ['GNU.sparse.map', map],
  ];
  return Buffer.concat([paxMember(records), rawMember({ typeFlag: '0', content })]);
}
