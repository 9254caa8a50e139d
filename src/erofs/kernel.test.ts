import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatHeader, scanTar } from '../tar/index.ts';
import { LayerIndexer, MergedTree } from './index.ts';
import { mountErofs, mountStack } from './kernel-mount.fixture.ts';
import { dir, entryOf, file, link, makeLayer, symlink } from './layer.fixture.ts';
import type { Member, TestLayer } from './layer.fixture.ts';
import { MountBench, hashOfBytes, walkMounted } from './mounted-tree.fixture.ts';
import type { Seen } from './mounted-tree.fixture.ts';

const isRoot = process.getuid?.() === 0;
const skip = !isRoot && 'mounting needs root';
const peers = join(import.meta.dirname, '../../../shared/peers/run');
const debian = '/var/tmp/varve-peers/debian-min.tar';
const hasPeers = existsSync(peers) && existsSync('/var/tmp/varve-peers/sid/usr/bin/mkfs.erofs');

/** Mounts one layer, walks it, lets the reference checker see it. */
function see(layer: Pick<TestLayer, 'tar' | 'bytes'>): Map<string, Seen> {
  using bench = new MountBench();
  const image = bench.put('l.erofs', layer.bytes);
  const tar = bench.put('l.tar', layer.tar);
  if (hasPeers) execFileSync(peers, ['fsck.erofs', '-d1', `--device=${tar}`, image]);
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
  const chunks: Buffer[] = [];
  const tar = Buffer.alloc(1024);
  indexer
    .finish()
    .write({ tar: { tag: 'a'.repeat(64), sizeBytes: 1024, read: () => tar } }, (chunk) =>
      chunks.push(Buffer.from(chunk)),
    );
  const image = bench.put('l.erofs', Buffer.concat(chunks));
  const target = bench.mounted((each) => mountErofs(each, image, [bench.put('l.tar', tar)]));
  const names = readdirSync(target);
  assert.equal(new Set(names).size, count);
  for (const index of [0, 1, 9, 10, 99_999, 54_321]) assert.ok(existsSync(join(target, `entry-${index}`)));
  assert.equal(existsSync(join(target, 'entry-100000')), false);
});

test('the kernel reads files over 4 GiB', { skip }, () => {
  using bench = new MountBench();
  const size = 5 * 2 ** 30 + 777;
  const member = { ...entryOf(file('big')), size };
  const header = formatHeader(member);
  const path = bench.put('l.tar', header);
  const tar = openSync(path, 'r+');
  ftruncateSync(tar, header.length + Math.ceil(size / 512) * 512 + 1024);
  const mark = Buffer.from('a mark at the end of the file');
  writeSync(tar, mark, 0, mark.length, header.length + size - mark.length);
  const image = bench.put('l.erofs', indexFile(tar));
  closeSync(tar);
  const target = bench.mounted((each) => mountErofs(each, image, [path]));
  const mounted = openSync(join(target, 'big'), 'r');
  assert.equal(fstatSync(mounted).size, size);
  const end = Buffer.alloc(mark.length);
  readSync(mounted, end, 0, end.length, size - mark.length);
  closeSync(mounted);
  assert.deepEqual(end, mark);
});

test('content that blocks of the tar cannot address is stored, holes stay holes', { skip }, () => {
  using bench = new MountBench();
  const tar = Buffer.alloc(40_000, 'tar bytes that differ everywhere: 0123456789 ');
  const indexer = new LayerIndexer();
  const add = (path: string, size: number, segments: readonly [number, number, number][]): void => {
    const list = segments.map(([offset, length, dataOffset]) => ({ offset, length, dataOffset }));
    const place = { headerOffset: 0, dataOffset: 512, storedSize: 0, segments: list };
    indexer.add({ ...entryOf(file(path)), size }, place);
  };
  const shapes: Record<string, [number, [number, number, number][]]> = {
    aligned: [
      1 << 20,
      [
        [4096, 4096, 512],
        [1 << 19, 512, 4608],
      ],
    ],
    unaligned: [
      100_000,
      [
        [5, 700, 1000],
        [7000, 3, 1703],
        [50_000, 10_000, 1706],
      ],
    ],
    'all-hole': [1 << 33, []],
    'huge-hole': [
      2 ** 40,
      [
        [2 ** 39, 4096, 1024],
        [2 ** 40 - 512, 512, 5120],
      ],
    ],
    'ends-late': [30_001, [[0, 30_001, 9_728]]],
    'one-byte': [1, [[0, 1, 512]]],
    mixed: [
      8192,
      [
        [0, 512, 512],
        [600, 100, 1024],
        [1024, 7168, 2048],
      ],
    ],
  };
  for (const [path, [size, segments]] of Object.entries(shapes)) add(path, size, segments);
  const chunks: Buffer[] = [];
  const cut = tar.subarray(0, 39_800);
  const read = (offset: number, length: number): Buffer => cut.subarray(offset, offset + length);
  indexer
    .finish()
    .write({ tar: { tag: 'a'.repeat(64), sizeBytes: cut.length, read } }, (chunk) => chunks.push(Buffer.from(chunk)));
  const image = bench.put('l.erofs', Buffer.concat(chunks));
  const target = bench.mounted((each) => mountErofs(each, image, [bench.put('l.tar', cut)]));
  for (const [path, [size, segments]] of Object.entries(shapes)) {
    const mounted = openSync(join(target, path), 'r');
    assert.equal(fstatSync(mounted).size, size, path);
    for (const [offset, length, at] of segments) {
      const before = Math.min(offset, 600);
      const after = Math.min(size - offset - length, 50);
      const bytes = Buffer.alloc(before + length + after, 'x');
      readSync(mounted, bytes, 0, bytes.length, offset - before);
      const wanted = Buffer.alloc(bytes.length);
      for (const [from, count, source] of segments) {
        for (let index = 0; index < count; index += 1) {
          const to = from + index - (offset - before);
          if (to >= 0 && to < wanted.length) wanted[to] = tar[source + index] ?? 0;
        }
      }
      assert.ok(bytes.equals(wanted), `${path} at ${offset}, ${at}`);
    }
    closeSync(mounted);
  }
});

test(
  'a stack under overlayfs shows whiteouts, opaque directories, implied parents and links into lower layers',
  { skip },
  () => {
    const lower = makeLayer([
      dir('.', { mode: 0o711 }),
      dir('a', { mode: 0o750, uid: 7, sec: 99, xattrs: { 'user.a': '1' } }),
      file('a/keep', 'kept'),
      file('a/gone', 'gone'),
      dir('b'),
      file('b/hidden', 'hidden'),
      dir('usr'),
      dir('usr/lib'),
      file('usr/lib/old', 'old'),
      symlink('lib', 'usr/lib'),
      file('linked', 'lower data', { uid: 5, mode: 0o640 }),
    ]);
    const upper = makeLayer(
      [
        file('a/.wh.gone'),
        file('a/.wh.never-there'),
        file('a/new', 'new'),
        dir('b'),
        file('b/.wh..wh..opq'),
        file('b/fresh', 'fresh'),
        dir('c'),
        file('c/.wh.ghost'),
        file('lib/through', 'the symlink'),
        link('link', 'linked'),
        link('link2', 'linked'),
      ],
      { below: new MergedTree([lower.image]) },
    );
    using bench = new MountBench();
    const tars = [bench.put('0.tar', lower.tar), bench.put('1.tar', upper.tar)] as const;
    const images = [bench.put('0.erofs', lower.bytes), bench.put('1.erofs', upper.bytes)] as const;
    assert.deepEqual(
      upper.image.devices.map(({ tag }) => tag),
      [upper.tag, lower.tag],
    );
    const target = bench.mounted((each) =>
      mountStack(each, [
        [images[0], tars[0]],
        [images[1], tars[1], tars[0]],
      ]),
    );
    const seen = walkMounted(target);
    const files = [
      '',
      'a',
      'a/keep',
      'a/new',
      'b',
      'b/fresh',
      'c',
      'lib',
      'link',
      'link2',
      'linked',
      'usr',
      'usr/lib',
      'usr/lib/old',
      'usr/lib/through',
    ];
    assert.deepEqual([...seen.keys()], files);
    assert.equal(seen.get('')?.mode, '711');
    const { mode, owner, mtimeNs, xattrs } = seen.get('a') ?? assert.fail();
    assert.deepEqual(
      { mode, owner, mtimeNs, xattrs },
      { mode: '750', owner: '7:0', mtimeNs: 99_000_000_000n, xattrs: { 'user.a': '1' } },
    );
    assert.equal(seen.get('link')?.hash, hashOfBytes(Buffer.from('lower data')));
    assert.equal(seen.get('link2')?.same, 'link');
    assert.equal(seen.get('link')?.mode, '640');
  },
);

test(
  'the mounted tree equals what mkfs.erofs --tar=i makes of the same tar',
  { skip: skip || (!(hasPeers && existsSync(debian)) && 'no erofs-utils 1.9 and Debian tar beside the repository') },
  () => {
    using bench = new MountBench();
    const tar = openSync(debian, 'r');
    const ours = bench.put('ours.erofs', indexFile(tar));
    closeSync(tar);
    const theirs = join(bench.folder, 'theirs.erofs');
    execFileSync(peers, ['mkfs.erofs', '--quiet', '--tar=i', '-b', '512', theirs, debian]);
    const mounted = [ours, theirs].map((image) =>
      walkMounted(bench.mounted((target) => mountErofs(target, image, [debian]))),
    );
    assert.deepEqual(mounted[0], mounted[1]);
    execFileSync(peers, ['fsck.erofs', '-d1', `--device=${debian}`, ours]);
  },
);

function indexFile(tar: number): Buffer {
  const indexer = new LayerIndexer();
  const size = fstatSync(tar).size;
  const read = (offset: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(tar, bytes, 0, length, offset));
  };
  scanTar({ size, read }, { entry: (entry, place) => void indexer.add(entry, place) });
  const chunks: Buffer[] = [];
  indexer
    .finish()
    .write({ tar: { tag: 'd'.repeat(64), sizeBytes: size, read } }, (chunk) => chunks.push(Buffer.from(chunk)));
  return Buffer.concat(chunks);
}
