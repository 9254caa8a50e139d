import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf, toBuffer } from '../std/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import { readArchive } from './archive.fixture.ts';
import { TarParser, blockSize, endOfArchive, formatHeader, paddingOf, scanTar } from './index.ts';
import type { TarEntry } from './index.ts';
import { isInstalled, isRoot, readTree, run, temporaryDirectory } from './tree.fixture.ts';

const plain: TarEntry = {
  path: bytesOf('file'),
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { sec: 1_234_567_890, nsec: 0 },
  link: bytesOf(''),
  devMajor: 0,
  devMinor: 0,
  xattrs: new Map(),
};

const notUtf8 = 'raw\xff\xfe\n.' as ByteString;
const capability = '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0' as ByteString;

const times: readonly Timestamp[] = [
  { sec: 1, nsec: 1 },
  { sec: 0, nsec: 0 },
  { sec: -1, nsec: 0 },
  { sec: -1, nsec: 1 },
  { sec: -3, nsec: 750_000_000 },
  { sec: 8_589_934_592, nsec: 0 },
];

/** One entry for everything that can be special about one. */
const entries: readonly TarEntry[] = [
  file('dir', { type: 'dir', mode: 0o1777, mtime: { sec: 99, nsec: 0 } }),
  ...[0, 1, 511, 512, 513, 70_000].map((size) => file(`dir/${size}`, { size })),
  file(`dir/${'d'.repeat(97)}`, { type: 'dir' }),
  file('setuid', { mode: 0o6755, size: 3 }),
  ...[100, 101, 255].map((length) => file('n'.repeat(length))),
  ...[154, 155, 156, 157].map((length) => file(`${'p'.repeat(length)}/name`)),
  file(`${'deep/'.repeat(100)}file`),
  file('grüße'),
  file('raw', { path: notUtf8, size: 1 }),
  file('symlink', { type: 'symlink', mode: 0o777, link: bytesOf('../über') }),
  file('symlink100', { type: 'symlink', mode: 0o777, link: bytesOf('t'.repeat(100)) }),
  file('symlink1000', { type: 'symlink', mode: 0o777, link: bytesOf('t'.repeat(1000)) }),
  file('hard', { type: 'link', link: bytesOf('dir/513') }),
  file('hard to raw', { type: 'link', link: notUtf8 }),
  file('fifo', { type: 'fifo' }),
  file('null', { type: 'char', devMajor: 1, devMinor: 3 }),
  file('disk', { type: 'block', devMajor: 4095, devMinor: 1_048_575 }),
  file('ids', { uid: 2_097_151, gid: 2_097_152 }),
  file('large ids', { uid: 4_294_967_294, gid: 4_294_967_294 }),
  ...times.map((mtime, index) => file(`time${index}`, { mtime })),
  file('attributes', {
    size: 2,
    xattrs: new Map([
      [bytesOf('security.capability'), capability],
      [bytesOf('user.bytes'), '\0\n=\xff' as ByteString],
      [bytesOf('user.empty'), bytesOf('')],
    ]),
  }),
];

test('an entry that is written reads back the same', () => {
  const read = readArchive(archiveOf(entries));
  assert.equal(read.fault, undefined);
  assert.deepEqual(
    read.members.map(({ entry }) => entry),
    entries,
  );
  const empty = readArchive(endOfArchive);
  assert.deepEqual(empty.summary, { entryCount: 0, archiveBytes: 1024, trailingBytes: 0 });
});

test('a header that was made for an entry need not be read: entries, places and the end are the same', () => {
  const found: unknown[] = [];
  const parser = new TarParser({ entry: (entry, place) => void found.push({ entry, place }) });
  for (const entry of entries) {
    parser.passHeader(entry, formatHeader(entry).length);
    if (entry.size > 0) assert.throws(() => parser.passHeader(entry, blockSize), /before the last member ended/);
    parser.write(Buffer.alloc(entry.size + paddingOf(entry.size)));
  }
  parser.write(endOfArchive);
  const read = readArchive(archiveOf(entries));
  assert.deepEqual(
    found,
    read.members.map(({ entry, place }) => ({ entry, place })),
  );
  assert.deepEqual(parser.end(), read.summary);
});

test('limits hold for entries whose header is not read', () => {
  const parser = new TarParser({ entry: () => undefined });
  assert.throws(
    () => parser.passHeader(file('n'.repeat(4097)), 2048),
    (error) => Fault.is(error, 'exhausted'),
  );
});

test('the root and names of one slash read back the same', () => {
  for (const path of ['', '.', '/absolute', '../up', './here']) {
    const entry: TarEntry = { ...plain, path: bytesOf(path), type: 'dir' };
    assert.deepEqual(readArchive(archiveOf([entry])).members[0]?.entry, entry);
  }
});

test('PAX where needed: a header has one block without, and the records that are needed with it', () => {
  assert.equal(records({}), '');
  assert.equal(records({ uid: 2_097_151, size: 8 * 2 ** 30 - 1, path: bytesOf('n'.repeat(100)) }), '');
  assert.equal(records({ path: bytesOf(`${'p'.repeat(155)}/${'n'.repeat(100)}`) }), '');
  assert.equal(records({ size: 8 * 2 ** 30 }), '19 size=8589934592\n');
  assert.equal(records({ uid: 2_097_152, gid: 2_097_152 }), '15 gid=2097152\n15 uid=2097152\n');
  assert.equal(records({ mtime: { sec: -2, nsec: 500_000_000 } }), '14 mtime=-1.5\n');
  assert.equal(records({ path: 'h\xc3\xa9' as ByteString }), '12 path=h\xc3\xa9\n');
  assert.equal(records({ path: 'h\xe9' as ByteString }), '21 hdrcharset=BINARY\n11 path=h\xe9\n');
  const attributes = new Map([[bytesOf('user.b'), bytesOf('a')]]);
  assert.equal(records({ uid: 3_000_000, xattrs: attributes }), '25 SCHILY.xattr.user.b=a\n15 uid=3000000\n');
  assert.equal(records({ path: bytesOf('n'.repeat(1000)) }), `1011 path=${'n'.repeat(1000)}\n`);
});

test('the length of a PAX record counts itself', () => {
  for (let length = 80; length < 110; length++) {
    const entry = { ...plain, path: `\xc3\xa9${'n'.repeat(length)}` as ByteString };
    assert.deepEqual(readArchive(archiveOf([entry])).members[0]?.entry, entry);
  }
});

test('owners have no names, and the same entry has the same bytes', () => {
  for (const entry of entries) {
    const header = formatHeader(entry);
    assert.deepEqual(header, formatHeader(structuredClone(entry)));
    assert.equal(header.length % 512, 0);
    const last = header.subarray(-512);
    assert.ok(last.subarray(265, 329).every((byte) => byte === 0));
  }
});

test('an entry that no archive can hold is refused', () => {
  const refused: readonly Partial<TarEntry>[] = [
    { path: bytesOf('') },
    { path: bytesOf('a/') },
    { path: bytesOf('a\0b') },
    { link: bytesOf('target') },
    { type: 'symlink' },
    { type: 'symlink', link: bytesOf('a\0') },
    { size: -1 },
    { size: 0.5 },
    { type: 'dir', size: 1 },
    { mode: 0o10000 },
    { uid: -1 },
    { gid: 2 ** 32 },
    { type: 'char', devMajor: 0o10000000 },
    { mtime: { sec: 0.5, nsec: 0 } },
    { mtime: { sec: 0, nsec: 1e9 } },
  ];
  for (const change of refused) {
    assert.throws(
      () => formatHeader({ ...plain, ...change }),
      (error) => Fault.is(error, 'invalid'),
      JSON.stringify(change),
    );
  }
  assert.throws(
    () => formatHeader(withAttribute('user.a=b', '')),
    (error) => Fault.is(error, 'unsupported'),
  );
  assert.throws(
    () => formatHeader(withAttribute('user.a', 'x'.repeat(2 ** 20))),
    (error) => Fault.is(error, 'exhausted'),
  );
});

for (const [program, options] of [
  ['tar', ['--xattrs', '--xattrs-include=*', '--warning=no-unknown-keyword']],
  ['bsdtar', ['--xattrs']],
] as const) {
  const skip = !isRoot
    ? 'only root can restore owners and devices'
    : isInstalled(program)
      ? false
      : `${program} is not installed`;
  test(`${program} unpacks what was written`, { skip }, (t) => {
    const directory = temporaryDirectory(t);
    const archive = join(directory, 'a.tar');
    const target = join(directory, 'tree');
    mkdirSync(target);
    writeFileSync(archive, archiveOf(entries));
    run(program, '-C', target, ...options, '--numeric-owner', '-pxf', archive);
    // libarchive misreads fractions of seconds before 1970.
    assertUnpacked(target, { wrongTimes: program === 'bsdtar' ? ['time3', 'time4'] : [] });
    const attributes = run('getfattr', '-e', 'hex', '-d', '-m', '-', join(target, 'attributes'));
    assert.match(attributes, new RegExp(`security.capability=0x${hex(capability)}`));
    assert.match(attributes, /user.bytes=0x000a3dff/);
    assert.match(attributes, /user.empty/);
  });
}

const typeFlags = { file: '0', link: '1', symlink: '2', char: '3', block: '4', dir: '5', fifo: '6' };

const pythonReads = `
import sys, tarfile, json
raw = lambda text: text.encode('utf-8', 'surrogateescape').hex()
def shown(m):
    return [raw(m.name), m.type.decode(), m.mode, m.uid, m.gid, m.size, raw(m.linkname), m.devmajor, m.devminor,
            [[k[13:], raw(v)] for k, v in m.pax_headers.items() if k.startswith('SCHILY.xattr.')]]
print(json.dumps([shown(m) for m in tarfile.open(sys.argv[1])]))
`;

test('Python lists what was written', { skip: isInstalled('python3') ? false : 'python3 is not installed' }, (t) => {
  const archive = join(temporaryDirectory(t), 'a.tar');
  writeFileSync(archive, archiveOf(entries));
  const wanted = entries.map((each) => [
    hex(each.path),
    typeFlags[each.type],
    each.mode,
    each.uid,
    each.gid,
    each.size,
    hex(each.link),
    each.devMajor,
    each.devMinor,
    [...each.xattrs].map(([name, value]) => [name, hex(value)]),
  ]);
  assert.deepEqual(JSON.parse(run('python3', '-c', pythonReads, archive)), wanted);
});

test('a file of 8 GiB and more is found again, by us and by others', (t) => {
  const size = 8 * 2 ** 30 + 1;
  const archive = join(temporaryDirectory(t), 'a.tar');
  const last: TarEntry = { ...plain, path: bytesOf('last') };
  const first = formatHeader({ ...plain, size });
  const descriptor = openSync(archive, 'w+');
  t.after(() => closeSync(descriptor));
  writeSync(descriptor, first);
  const lastOffset = first.length + size + paddingOf(size);
  writeSync(descriptor, formatHeader(last), 0, 512, lastOffset);
  ftruncateSync(descriptor, lastOffset + 512 + 1024);
  const found: (readonly [string, number, number])[] = [];
  const source = {
    size: lastOffset + 512 + 1024,
    read: (offset: number, length: number) => readAt(descriptor, offset, length),
  };
  const summary = scanTar(source, {
    entry(entry, place) {
      found.push([entry.path, entry.size, place.headerOffset]);
      return undefined;
    },
  });
  assert.deepEqual(found, [
    ['file', size, 0],
    ['last', 0, lastOffset],
  ]);
  assert.deepEqual(summary, { entryCount: 2, archiveBytes: source.size, trailingBytes: 0 });
  for (const program of ['tar', 'bsdtar'].filter(isInstalled)) {
    assert.match(run(program, '-tvf', archive), /8589934593.*file\n.*last\n$/, program);
  }
});

function file(path: string, change: Partial<TarEntry> = {}): TarEntry {
  return { ...plain, path: bytesOf(path), ...change };
}

function withAttribute(name: string, value: string): TarEntry {
  return file('file', { xattrs: new Map([[bytesOf(name), bytesOf(value)]]) });
}

/** The PAX records before the header of a plain entry with this change. */
function records(change: Partial<TarEntry>): string {
  const header = formatHeader({ ...plain, ...change });
  return header.length === 512 ? '' : header.toString('latin1', 512, header.length - 512).replaceAll('\0', '');
}

function hex(bytes: ByteString): string {
  return toBuffer(bytes).toString('hex');
}

function archiveOf(members: readonly TarEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of members)
    parts.push(formatHeader(entry), Buffer.alloc(entry.size, 'abc'), Buffer.alloc(paddingOf(entry.size)));
  return Buffer.concat([...parts, endOfArchive]);
}

function assertUnpacked(root: string, { wrongTimes }: { readonly wrongTimes: readonly string[] }): void {
  const tree = readTree(root);
  for (const entry of entries) {
    const found = tree.get(entry.path) ?? assert.fail(`${entry.path} is missing`);
    if (entry.type === 'link') {
      assert.equal(found.inode, tree.get(entry.link)?.inode);
      continue;
    }
    assert.equal(found.type, entry.type, entry.path);
    assert.equal(found.mode, entry.mode, entry.path);
    assert.deepEqual(found.ids, [entry.uid, entry.gid], entry.path);
    assert.equal(found.size, entry.size, entry.path);
    assert.equal(found.link, entry.link, entry.path);
    assert.deepEqual(found.device, [entry.devMajor, entry.devMinor], entry.path);
    if (wrongTimes.includes(entry.path)) continue;
    assert.equal(found.mtimeNs, BigInt(entry.mtime.sec) * 1_000_000_000n + BigInt(entry.mtime.nsec), entry.path);
  }
}

function readAt(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
}
