import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LayerIndexer } from './index.ts';
import { mountErofs } from './kernel-mount.fixture.ts';
import { dir, entryOf, file, imageBytes, link, makeLayer, symlink } from './layer.fixture.ts';
import type { Member, TestLayer } from './layer.fixture.ts';
import { MountBench, canMount, hasErofsUtils, hashOfBytes, runPeer, walkMounted } from './mounted-tree.fixture.ts';
import type { Seen } from './mounted-tree.fixture.ts';

const skip = !canMount && 'mounting needs root';

/** Mounts one layer, walks it, lets the reference checker see it. */
function see(layer: Pick<TestLayer, 'tar' | 'bytes'>): Map<string, Seen> {
  using bench = new MountBench();
  const image = bench.put('l.erofs', layer.bytes);
  const tar = bench.put('l.tar', layer.tar);
  if (hasErofsUtils) runPeer('fsck.erofs', '-d1', `--device=${tar}`, image);
  return walkMounted(bench.mounted((target) => mountErofs(target, image, [tar])));
}

/** What the kernel must show of members without duplicates, implied parents or whiteouts. */
function expected(members: readonly Member[]): Map<string, Seen> {
  const seen = new Map<string, Seen>([['', seenOf(dir(''))]]);
  for (const member of members) {
    const first = member.type === 'link' ? seen.get(member.link ?? '') : undefined;
    seen.set(member.path, first ?? seenOf(member));
    if (first !== undefined) shareLink(seen, first, member.link ?? '');
  }
  for (const [path, one] of seen)
    if (one.type === 'dir') seen.set(path, { ...one, nlink: 2 + subdirectories(seen, path) });
  return new Map([...seen].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function shareLink(seen: Map<string, Seen>, first: Seen, name: string): void {
  const paths = [...seen].filter(([, one]) => one === first).map(([path]) => path);
  for (const path of paths)
    seen.set(path, { ...first, nlink: paths.length, same: [...paths, name].toSorted()[0] ?? '' });
}

function seenOf(member: Member): Seen {
  const entry = entryOf(member);
  const data = Buffer.from(member.data ?? '');
  return {
    type: entry.type,
    mode: (entry.type === 'symlink' ? 0o777 : entry.mode).toString(8),
    owner: `${entry.uid}:${entry.gid}`,
    size: entry.type === 'symlink' ? entry.link.length : data.length,
    mtimeNs: BigInt(entry.mtime.sec) * 1_000_000_000n + BigInt(entry.mtime.nsec),
    nlink: 1,
    link: entry.link,
    rdev: entry.type === 'char' || entry.type === 'block' ? `${entry.devMajor}:${entry.devMinor}` : '',
    same: '',
    hash: entry.type === 'file' ? hashOfBytes(data) : '',
    xattrs: Object.fromEntries(entry.xattrs),
  };
}

function subdirectories(seen: ReadonlyMap<string, Seen>, path: string): number {
  const prefix = path === '' ? '' : `${path}/`;
  const isChild = (each: string): boolean =>
    each !== '' && each.startsWith(prefix) && !each.slice(prefix.length).includes('/');
  return [...seen].filter(([each, one]) => one.type === 'dir' && isChild(each)).length;
}

function sorted(seen: ReadonlyMap<string, Seen>): (readonly [string, Seen])[] {
  return [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function mountsAsWritten(members: readonly Member[]): void {
  assert.deepEqual(sorted(see(makeLayer(members))), sorted(expected(members)));
}

test('the kernel shows an empty layer as an empty root', { skip }, () => mountsAsWritten([]));

test('the kernel shows files of every small size', { skip }, () => {
  const sizes = [0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 100_000];
  mountsAsWritten(sizes.map((size) => file(`f${size}`, Buffer.alloc(size, `content ${size} `))));
});

test('the kernel shows types, modes, owners, devices and times', { skip }, () => {
  mountsAsWritten([
    dir('empty', { mode: 0o700, sec: 1 }),
    dir('sticky', { mode: 0o1777, uid: 131073, gid: 262145 }),
    file('setuid', 'x', { mode: 0o6755, uid: 4294967294, gid: 4294967294 }),
    file('nano', '', { sec: 1_700_000_000, nsec: 123_456_789 }),
    file('before', '', { sec: -1_000_000, nsec: 999_999_999 }),
    file('long-before', '', { sec: -9_000_000_000 }),
    file('far', '', { sec: 20_000_000_000, nsec: 1 }),
    { path: 'char', type: 'char', mode: 0o666, major: 1, minor: 3 },
    { path: 'block', type: 'block', mode: 0o660, major: 4095, minor: 1048575 },
    { path: 'fifo', type: 'fifo', mode: 0o644 },
    file('one', 'shared'),
    link('two', 'one'),
    symlink('s', 'anywhere'),
    link('three', 's'),
  ]);
});

test('the kernel shows symlinks of every length', { skip }, () => {
  const around = [64, 128, 256, 384, 416, 448, 480, 512, 1024, 1536, 2048, 3072, 3584, 4095];
  const lengths = new Set([1, 2, 59, 60, ...around.flatMap((each) => [each - 2, each - 1, each, each + 1, each + 2])]);
  const usable = [...lengths].filter((length) => length <= 4095);
  mountsAsWritten(usable.map((length) => symlink(`l${length}`, `/${'t'.repeat(length - 1)}`)));
});

test('the kernel shows names of every length and byte, and deep paths', { skip }, () => {
  const bytes = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).filter(
    (each) => each !== '/' && each !== '.',
  );
  const lengths = [1, 2, 3, 254, 255].map((length) => file('n'.repeat(length)));
  const deep = Array.from({ length: 120 }, (_, index) =>
    dir(
      Array(index + 1)
        .fill('a-rather-long-name-of-a-dir')
        .join('/'),
    ),
  );
  mountsAsWritten([
    ...lengths,
    dir('bytes'),
    ...bytes.map((each) => file(`bytes/${each}`)),
    ...['.a', '..a', '...', '.-', '-', '+', 'a.', '\xff\xfe'].map((name) =>
      file(`bytes/${name}`.replace('bytes/-', 'bytes/--')),
    ),
    ...deep,
  ]);
});

test('the kernel shows extended attributes: binary, many, large', { skip }, () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`user.attribute-${index}`, `v${index}`]));
  const acl = '\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x04\0\x04\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff';
  mountsAsWritten([
    file('capable', 'x', { xattrs: { 'security.capability': `\x01\0\0\x02${'\x20\0\0\0'.repeat(4)}` } }),
    file('many', 'x', { xattrs: many }),
    file('large', 'x', { xattrs: { 'user.large': 'binary\0\xff'.repeat(8000), 'trusted.t': '' } }),
    dir('d', { xattrs: { 'user.on-a-directory': 'v' } }),
    file('d/acl', '', { mode: 0o644, xattrs: { 'system.posix_acl_access': acl } }),
    symlink('s', 'x'.repeat(400)),
    ...Array.from({ length: 40 }, (_, index) => dir(`d${index}`, { xattrs: { 'user.pad': 'p'.repeat(index * 13) } })),
    ...Array.from({ length: 40 }, (_, index) =>
      file(`d${index}/f`, 'x', { xattrs: { 'user.pad': 'p'.repeat(index * 13) } }),
    ),
  ]);
});

test('the kernel lists and finds in directories of 100,000 entries', { skip }, () => {
  using bench = new MountBench();
  const count = 100_000;
  const indexer = new LayerIndexer();
  const place = { headerOffset: 0, dataOffset: 512, storedSize: 0, segments: undefined };
  for (let index = 0; index < count; index += 1) indexer.add(entryOf(file(`entry-${(index * 7919) % count}`)), place);
  const tar = Buffer.alloc(1024);
  const options = { tar: { tag: 'a'.repeat(64), sizeBytes: tar.length, read: () => tar } };
  const image = bench.put('l.erofs', imageBytes(indexer.finish(), options));
  const target = bench.mounted((each) => mountErofs(each, image, [bench.put('l.tar', tar)]));
  const names = readdirSync(target);
  assert.equal(new Set(names).size, count);
  for (const index of [0, 1, 9, 10, 99_999, 54_321]) assert.ok(existsSync(join(target, `entry-${index}`)));
  assert.equal(existsSync(join(target, 'entry-100000')), false);
});
