import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import type { TarPlace } from '../tar/index.ts';
import { LayerIndexer, MergedTree } from './index.ts';
import { describeImage, dir, entryOf, file, imageBytes, link, makeLayer, symlink } from './layer.fixture.ts';
import type { Member } from './layer.fixture.ts';

const noPlace: TarPlace = { headerOffset: 0, dataOffset: 512, storedSize: 0, segments: undefined };

function tree(...members: Member[]): string[] {
  return describeImage(makeLayer(members));
}

/** The indexer alone: some of these no tar writer would write. */
function refuses(members: readonly Member[], expected: { readonly code: string; readonly message: RegExp }): void {
  const add = (): void => {
    const indexer = new LayerIndexer();
    for (const member of members) indexer.add(entryOf(member), noPlace);
    indexer.finish();
  };
  assert.throws(
    add,
    (error) => Fault.is(error) && error.code === expected.code && expected.message.test(error.message),
  );
}

test('an empty archive is an empty root, 0755 of root', () => {
  assert.deepEqual(tree(), ['/ dir 755 0:0']);
});

test('every type of entry is there, with its owner, mode and content', () => {
  const members = [
    dir('.', { mode: 0o711, uid: 1, gid: 2 }),
    dir('d', { mode: 0o1777 }),
    file('d/f', 'hello', { mode: 0o4755, uid: 4294967294, gid: 200000 }),
    symlink('d/s', 'f'),
    { path: 'd/c', type: 'char', mode: 0o620, major: 5, minor: 1 },
    { path: 'd/b', type: 'block', mode: 0o660, major: 259, minor: 70000 },
    { path: 'd/p', type: 'fifo', mode: 0o600 },
    link('d/h', 'd/f'),
  ] as const;
  assert.deepEqual(tree(...members), [
    '/ dir 711 1:2',
    '/d dir 1777 0:0',
    '/d/b block 660 0:0 259:70000',
    '/d/c char 620 0:0 5:1',
    '/d/f file 4755 4294967294:200000 "hello" x2',
    '/d/h file 4755 4294967294:200000 "hello" x2',
    '/d/p fifo 600 0:0',
    '/d/s symlink 777 0:0 -> f',
  ]);
});

test('names with .. are cleaned to the root, a leading slash and dots drop out', () => {
  assert.deepEqual(tree(file('../../a'), file('/b/../c'), file('./d//e'), file('x/../../../f')).map(pathOf), [
    '/',
    '/a',
    '/c',
    '/d',
    '/d/e',
    '/f',
  ]);
});

test('duplicate names: the last one wins', () => {
  assert.deepEqual(tree(file('a', 'one'), file('a', 'two', { mode: 0o600 })).slice(1), ['/a file 600 0:0 "two"']);
});

test('only directory over directory merges; any other pair replaces', () => {
  assert.deepEqual(tree(dir('a'), file('a/x'), dir('a', { mode: 0o700 })).slice(1), [
    '/a dir 700 0:0',
    '/a/x file 644 0:0 ""',
  ]);
  assert.deepEqual(tree(dir('a'), file('a/x'), file('a', 'f')).slice(1), ['/a file 644 0:0 "f"']);
  assert.deepEqual(tree(dir('a'), file('a/x'), file('a', 'f'), dir('a'), file('a/y')).map(pathOf), ['/', '/a', '/a/y']);
});

test('a parent that is not a directory is replaced by one', () => {
  assert.deepEqual(tree(file('a', 'f'), file('a/b')).slice(1), ['/a dir 755 0:0', '/a/b file 644 0:0 ""']);
});

test('a directory entry over a symlink replaces the symlink', () => {
  assert.deepEqual(tree(dir('t'), symlink('s', 't'), dir('s'), file('s/x')).map(pathOf), ['/', '/s', '/s/x', '/t']);
});

test('names through symlinked directories resolve inside the root', () => {
  const paths = tree(dir('usr/lib'), symlink('lib', 'usr/lib'), symlink('up', '../../..'), file('lib/x'), file('up/y'));
  assert.deepEqual(paths.map(pathOf), ['/', '/lib', '/up', '/usr', '/usr/lib', '/usr/lib/x', '/y']);
  const absolute = tree(symlink('etc', '/data/etc'), file('etc/passwd', 'x'));
  assert.deepEqual(absolute.map(pathOf), ['/', '/data', '/data/etc', '/data/etc/passwd', '/etc']);
});

test('the shared directory of entries is forgotten when it is replaced', () => {
  const paths = tree(dir('d'), file('d/a'), dir('e'), symlink('d', 'e'), file('d/b'), file('d/c')).map(pathOf);
  assert.deepEqual(paths, ['/', '/d', '/e', '/e/b', '/e/c']);
});

test('a loop of symlinks ends in a Fault', () => {
  refuses([symlink('a', 'b'), symlink('b', 'a'), file('a/x')], { code: 'invalid', message: /more than 40 symlinks/ });
  refuses([symlink('a', 'a'), file('a/x')], { code: 'invalid', message: /more than 40 symlinks/ });
});

test('a hard link shares the inode as it was then; a later entry of that name does not change it', () => {
  assert.deepEqual(tree(file('a', 'one'), link('b', './a'), file('a', 'two'), link('c', '/a')).slice(1), [
    '/a file 644 0:0 "two" x2',
    '/b file 644 0:0 "one"',
    '/c file 644 0:0 "two" x2',
  ]);
});

test('a hard link to a symlink links the symlink itself', () => {
  assert.deepEqual(tree(symlink('s', 'nowhere'), link('h', 's')).slice(1), [
    '/h symlink 777 0:0 -> nowhere x2',
    '/s symlink 777 0:0 -> nowhere x2',
  ]);
});

test('a hard link to a directory, or to what is nowhere, is refused', () => {
  refuses([dir('d'), link('l', 'd')], { code: 'invalid', message: /which is a directory/ });
  assert.throws(() => makeLayer([link('l', 'gone')]), /hard link to gone, which is not a file there/);
});

test('a hard link that stands before its target finds it', () => {
  assert.deepEqual(tree(link('a', 'z'), file('z', 'data')).slice(1), [
    '/a file 644 0:0 "data" x2',
    '/z file 644 0:0 "data" x2',
  ]);
});

test('whiteout names .wh., .wh.. and .wh... are errors, as is a file below one', () => {
  for (const name of ['.wh.', '.wh..', '.wh...', 'd/.wh..', '.wh..wh.x/.wh.']) {
    refuses([file(name)], { code: 'invalid', message: /deletes/ });
  }
  refuses([file('.wh.foo/bar')], { code: 'invalid', message: /begins with \.wh\./ });
  refuses([file('.wh.foo'), symlink('s', '.wh.foo'), file('s/x')], { code: 'invalid', message: /begins with \.wh\./ });
});

test('without layers below, whiteouts and opaque marks vanish, and so do directories that only led to them', () => {
  const layer = makeLayer([file('a/.wh.b'), dir('c'), file('c/.wh..wh..opq'), file('c/.wh.d'), file('c/d')]);
  assert.deepEqual(describeImage(layer).map(pathOf), ['/', '/c', '/c/d']);
  assert.deepEqual(layer.needs, { impliedParents: 1, lowerLinks: 0, whiteouts: 2, opaqueMarks: 1 });
  assert.equal(layer.selfContained, false);
});

test('AUFS bookkeeping is left out, but hard links may refer to it', () => {
  const layer = makeLayer([
    dir('.wh..wh.plnk'),
    file('.wh..wh.plnk/1.2', 'data'),
    file('.wh..wh.aufs'),
    link('a', '.wh..wh.plnk/1.2'),
  ]);
  assert.deepEqual(describeImage(layer).slice(1), ['/a file 644 0:0 "data"']);
  assert.equal(layer.selfContained, true);
});

test('a char device 0/0 is refused with a clear message', () => {
  refuses([{ path: 'w', type: 'char' }], { code: 'invalid', message: /w is a char device 0\/0/ });
});

test('a name over 255 bytes, or with a zero byte, is refused; 255 bytes are kept', () => {
  refuses([file('a'.repeat(256))], { code: 'invalid', message: /longer than 255 bytes/ });
  refuses([file(`${'a'.repeat(256)}/x`)], { code: 'invalid', message: /longer than 255 bytes/ });
  refuses([file('a\0b')], { code: 'invalid', message: /zero byte/ });
  assert.deepEqual(tree(file('é'.repeat(255))).map(pathOf), ['/', `/${'é'.repeat(255)}`]);
});

test('symlinks without a target, with a zero byte or over 4095 bytes are refused', () => {
  for (const target of ['', 'a\0b', 'x'.repeat(4096)]) {
    refuses([symlink('s', target)], { code: 'invalid', message: /no symlink can have/ });
  }
});

test('a symlink has mode 0777, whatever the archive says', () => {
  assert.deepEqual(tree({ path: 's', type: 'symlink', link: 't', mode: 0o640 }).slice(1), ['/s symlink 777 0:0 -> t']);
});

test('a root that is not a directory is refused', () => {
  refuses([file('./')], { code: 'invalid', message: /the root is a file/ });
});

test('security.selinux and overlay attributes are dropped, capabilities lose their root id', () => {
  const capability3 = `\x01\0\0\x03${'\x20\0\0\0'.repeat(4)}\xe8\x03\0\0`;
  const xattrs = {
    'security.capability': capability3,
    'security.selinux': 'label',
    'system.nfs4_acl': 'x',
    'trusted.overlay.opaque': 'y',
    'user.overlay.redirect': '/x',
    'user.kept': 'v\xff\0',
  };
  const layer = makeLayer([file('f', '', { xattrs })]);
  const inode = layer.image.lookup(layer.image.root, 'f' as ByteString);
  assert.ok(inode);
  assert.deepEqual(Object.fromEntries(layer.image.xattrs(inode)), {
    'security.capability': `\x01\0\0\x02${'\x20\0\0\0'.repeat(4)}`,
    'user.kept': 'v\xff\0',
  });
});

test('limits end a hostile layer with a Fault', () => {
  const many = Array.from({ length: 20 }, (_, index) => file(`d${index}/f`));
  assert.throws(
    () => makeLayer(many, { limits: { maxEntries: 30 } }),
    (error) => Fault.is(error, 'exhausted'),
  );
  assert.throws(() => makeLayer([file('a'.repeat(200))], { limits: { maxTextBytes: 100 } }), /too many/);
  refuses([file(`${'a/'.repeat(2100)}x`)], { code: 'invalid', message: /a path of 4201 bytes/ });
});

test('a layer with entries for all its directories is self-contained, with or without one for the root', () => {
  assert.equal(makeLayer([dir('d'), file('d/f')]).selfContained, true);
  assert.equal(makeLayer([dir('d'), file('d/f')]).image.describesRoot, false);
  assert.equal(makeLayer([dir('.'), dir('d')]).image.describesRoot, true);
  assert.equal(makeLayer([file('d/f')]).selfContained, false);
});

function pathOf(line: string): string {
  return line.split(' ')[0] ?? '';
}

test('a sparse file whose segments overlap or leave the file is refused', () => {
  const shapes = [
    [
      { offset: 0, length: 10, dataOffset: 512 },
      { offset: 5, length: 10, dataOffset: 522 },
    ],
    [{ offset: 90, length: 11, dataOffset: 512 }],
    [{ offset: 1, length: -1, dataOffset: 512 }],
  ];
  for (const segments of shapes) {
    const add = (): void => new LayerIndexer().add({ ...entryOf(file('f')), size: 100 }, { ...noPlace, segments });
    assert.throws(add, (error) => Fault.is(error, 'corrupt'));
  }
});

test('a tar that ends before its contents is refused', () => {
  const indexer = new LayerIndexer();
  indexer.add({ ...entryOf(file('f')), size: 600 }, { ...noPlace, storedSize: 600 });
  const tar = { tag: 'a'.repeat(64), sizeBytes: 1000, read: () => Buffer.alloc(0) };
  assert.throws(
    () => imageBytes(indexer.finish(), { tar }),
    (error) => Fault.is(error, 'corrupt'),
  );
});

test('equal entries give equal bytes, whatever lies below a self-contained layer', () => {
  const members = [dir('d'), file('d/f', 'x'), link('d/g', 'd/f'), symlink('s', 'd')];
  const [alone, again] = [makeLayer(members), makeLayer(members)];
  const below = new MergedTree([makeLayer([dir('d', { mode: 0o700 }), file('d/lower')]).image]);
  assert.ok(alone.bytes.equals(again.bytes));
  assert.ok(alone.bytes.equals(makeLayer(members, { below }).bytes));
  assert.equal(alone.bytes.length % 512, 0);
});
