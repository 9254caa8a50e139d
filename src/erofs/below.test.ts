import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { MergedTree } from './index.ts';
import { describeImage, dir, file, link, makeStack, symlink } from './layer.fixture.ts';
import type { Member, TestLayer } from './layer.fixture.ts';

/** The top layer of a stack, each layer written on those before it. */
function stack(...layers: (readonly Member[])[]): TestLayer & { readonly all: readonly TestLayer[] } {
  const made = makeStack(layers);
  return { ...(made.at(-1) ?? assert.fail()), all: made };
}

function topOf(...layers: (readonly Member[])[]): string[] {
  return describeImage(stack(...layers)).slice(1);
}

test('a layer without entries for its parent directories takes owner, mode, time and attributes from below', () => {
  const lower = [dir('a', { mode: 0o700, uid: 1, gid: 2 }), dir('a/b', { mode: 0o2751, xattrs: { 'user.x': 'y' } })];
  assert.deepEqual(topOf(lower, [file('a/b/c/f')]), [
    '/a dir 700 1:2',
    '/a/b dir 2751 0:0 {"user.x":"y"}',
    '/a/b/c dir 755 0:0',
    '/a/b/c/f file 644 0:0 ""',
  ]);
});

test('the root without an entry is as it is below', () => {
  const top = stack([dir('.', { mode: 0o700, uid: 9 })], [dir('d')]);
  assert.equal(describeImage(top)[0], '/ dir 700 9:0');
  assert.equal(top.image.describesRoot, true);
});

test('a whiteout is written only for a name that exists below, never inside a new or opaque directory', () => {
  const lower = [dir('d'), file('d/x'), file('d/y'), dir('e'), file('e/x')];
  const upper = [
    file('d/.wh.x'),
    file('d/.wh.nothing'),
    dir('n'),
    file('n/.wh.x'),
    dir('e'),
    file('e/.wh..wh..opq'),
    file('e/.wh.x'),
    file('gone/.wh.x'),
  ];
  assert.deepEqual(topOf(lower, upper), [
    '/d dir 755 0:0',
    '/d/x char 0 0:0 0:0',
    '/e dir 755 0:0 {"trusted.overlay.opaque":"y"}',
    '/n dir 755 0:0',
  ]);
});

test('whiteouts act on lower layers only, wherever they stand in the tar', () => {
  const lower = [dir('d'), file('d/x'), dir('d/sub'), file('d/sub/old')];
  const wanted = ['/d dir 755 0:0', '/d/sub dir 755 0:0 {"trusted.overlay.opaque":"y"}', '/d/sub/new file 644 0:0 ""'];
  const first = [file('d/.wh.sub'), file('d/.wh.x'), dir('d/sub'), file('d/sub/new'), file('d/x', '1')];
  const last = [dir('d/sub'), file('d/sub/new'), file('d/x', '1'), file('d/.wh.x'), file('d/.wh.sub')];
  assert.deepEqual(topOf(lower, first), [...wanted, '/d/x file 644 0:0 "1"']);
  assert.deepEqual(topOf(lower, last), [...wanted, '/d/x file 644 0:0 "1"']);
});

test('.wh.foo with foo/… in the same layer: foo is a fresh, opaque directory, also without an entry of its own', () => {
  const lower = [dir('foo', { mode: 0o700 }), file('foo/old')];
  assert.deepEqual(topOf(lower, [file('foo/new'), file('.wh.foo')]), [
    '/foo dir 755 0:0 {"trusted.overlay.opaque":"y"}',
    '/foo/new file 644 0:0 ""',
  ]);
});

test('an opaque directory without an entry of its own is as it is below, without what it holds', () => {
  assert.deepEqual(topOf([dir('foo', { mode: 0o700 }), file('foo/old')], [file('foo/.wh..wh..opq'), file('foo/new')]), [
    '/foo dir 700 0:0 {"trusted.overlay.opaque":"y"}',
    '/foo/new file 644 0:0 ""',
  ]);
  const through = topOf([dir('d', { mode: 0o700 }), file('d/old'), symlink('s', 'd')], [file('s/.wh..wh..opq')]);
  assert.deepEqual(through, ['/d dir 700 0:0 {"trusted.overlay.opaque":"y"}']);
});

test('.wh..wh..opq counts at any position, and only where a lower directory is', () => {
  const lower = [dir('a'), file('a/x'), file('b')];
  const upper = [dir('a'), file('a/y'), file('a/.wh..wh..opq'), dir('b'), file('b/.wh..wh..opq'), dir('b/c')];
  assert.deepEqual(topOf(lower, upper), [
    '/a dir 755 0:0 {"trusted.overlay.opaque":"y"}',
    '/a/y file 644 0:0 ""',
    '/b dir 755 0:0',
    '/b/c dir 755 0:0',
  ]);
});

test('an opaque root hides each lower name, as overlayfs knows no opaque root', () => {
  const lower = [dir('a'), file('a/x'), file('b'), dir('c')];
  assert.deepEqual(topOf(lower, [file('.wh..wh..opq'), dir('a'), file('b', 'new')]), [
    '/a dir 755 0:0 {"trusted.overlay.opaque":"y"}',
    '/b file 644 0:0 "new"',
    '/c char 0 0:0 0:0',
  ]);
});

test('a directory that replaces a file of the same layer hides what lower layers have there', () => {
  assert.deepEqual(topOf([dir('a'), file('a/old')], [file('a'), dir('a'), file('a/new')]), [
    '/a dir 755 0:0 {"trusted.overlay.opaque":"y"}',
    '/a/new file 644 0:0 ""',
  ]);
});

test('names through symlinked directories of lower layers resolve inside the root', () => {
  const lower = [dir('usr'), dir('usr/lib', { mode: 0o711 }), symlink('lib', '../../usr/lib'), symlink('l2', '/lib')];
  const upper = [file('lib/a'), file('l2/sub/b'), dir('usr'), dir('usr/lib', { mode: 0o700 }), file('lib/.wh.x')];
  assert.deepEqual(topOf([...lower, file('usr/lib/x')], upper), [
    '/usr dir 755 0:0',
    '/usr/lib dir 700 0:0',
    '/usr/lib/a file 644 0:0 ""',
    '/usr/lib/sub dir 755 0:0',
    '/usr/lib/sub/b file 644 0:0 ""',
    '/usr/lib/x char 0 0:0 0:0',
  ]);
});

test('what moves through a lower symlink may take the place of the symlink', () => {
  const lower = [dir('b'), symlink('b/b', '../b')];
  assert.deepEqual(topOf(lower, [dir('b/b/b', { mode: 0o700 })]), ['/b dir 755 0:0', '/b/b dir 700 0:0']);
});

test('where a name is reached in two ways, the later entry wins', () => {
  const lower = [dir('usr'), symlink('bin', 'usr')];
  const usr = '/usr dir 755 0:0';
  assert.deepEqual(topOf(lower, [file('bin/x', '1'), dir('usr'), file('usr/x', '2')]), [
    usr,
    '/usr/x file 644 0:0 "2"',
  ]);
  assert.deepEqual(topOf(lower, [dir('usr'), file('usr/x', '2'), file('bin/x', '1')]), [
    usr,
    '/usr/x file 644 0:0 "1"',
  ]);
  const nested = [dir('usr'), dir('usr/d'), file('usr/d/a'), dir('bin/d', { mode: 0o700 }), file('bin/d/b')];
  assert.deepEqual(topOf(lower, nested), [
    usr,
    '/usr/d dir 700 0:0',
    '/usr/d/a file 644 0:0 ""',
    '/usr/d/b file 644 0:0 ""',
  ]);
});

test('a directory entry over a lower symlink replaces the symlink', () => {
  assert.deepEqual(topOf([dir('t'), symlink('s', 't')], [dir('s'), file('s/x')]), [
    '/s dir 755 0:0',
    '/s/x file 644 0:0 ""',
  ]);
});

test('a loop of lower symlinks ends in a Fault', () => {
  const loops = [
    [symlink('a', 'b'), symlink('b', 'a')],
    [symlink('a', 'a')],
    [symlink('a', 'a/a')],
    [symlink('a', 'b/x'), symlink('b', 'a/y')],
  ];
  for (const lower of loops) {
    assert.throws(
      () => topOf(lower, [file('a/f')]),
      (error) => Fault.is(error, 'invalid'),
    );
  }
});

test('a whiteout through a symlinked directory removes inside the root; a dangling parent makes it a no-op', () => {
  const lower = [dir('real'), file('real/x'), symlink('s', '/real'), symlink('dangling', 'nowhere')];
  assert.deepEqual(topOf(lower, [file('s/.wh.x'), file('dangling/.wh.y')]), [
    '/real dir 755 0:0',
    '/real/x char 0 0:0 0:0',
  ]);
});

test('a link to a file of a lower layer carries the data, and two of them stay one file', () => {
  const lower = [file('f', 'data', { mode: 0o600, uid: 3, xattrs: { 'user.x': 'y' } }), symlink('s', 'f')];
  const top = stack(lower, [link('a', 'f'), link('b', '/f'), link('c', 's')]);
  const lines = describeImage({ image: top.image, tar: top.all[0]?.tar ?? assert.fail() });
  assert.deepEqual(lines.slice(1), [
    '/a file 600 3:0 "data" x2 {"user.x":"y"}',
    '/b file 600 3:0 "data" x2 {"user.x":"y"}',
    '/c symlink 777 0:0 -> f',
  ]);
  assert.deepEqual(top.needs, { impliedParents: 0, lowerLinks: 3, whiteouts: 0, opaqueMarks: 0 });
  assert.deepEqual(
    top.image.devices.map(({ tag }) => tag),
    [top.tag, top.all[0]?.tag],
  );
});

test('a link through symlinks of the same layer reaches the lower file', () => {
  const top = stack([dir('d'), file('d/f', 'data')], [symlink('s', 'd'), link('l', 's/f')]);
  const [, first] = describeImage({ image: top.image, tar: top.all[0]?.tar ?? assert.fail() });
  assert.equal(first, '/l file 644 0:0 "data"');
});

test('a link to a link into a lower layer points to the lowest tar', () => {
  const top = stack([file('f', 'data')], [link('g', 'f')], [link('h', 'g')]);
  assert.deepEqual(
    top.image.devices.map(({ tag }) => tag),
    [top.tag, top.all[0]?.tag],
  );
});

test('the merged tree shows what overlayfs would', () => {
  const { all } = stack(
    [dir('a'), file('a/1', 'low'), file('a/2'), dir('b'), file('b/old'), symlink('s', 'a')],
    [dir('a', { mode: 0o700 }), file('a/1', 'high'), file('a/.wh.2'), file('.wh.b')],
    [dir('b'), file('b/new'), file('s/3')],
  );
  const tree = new MergedTree(all.map(({ image }) => image));
  const names = (path: string): string[] => {
    const node = tree.lookup(path as ByteString) ?? assert.fail();
    return tree.list(node).map(({ name }) => name);
  };
  assert.deepEqual(names(''), ['a', 'b', 's']);
  assert.deepEqual(names('a'), ['1', '3']);
  assert.deepEqual(names('/b'), ['new']);
  assert.equal(tree.lookup('a' as ByteString)?.inode.mode, 0o700);
  assert.equal(tree.lookup('a/2' as ByteString), undefined);
  assert.equal(tree.lookup('s' as ByteString)?.inode.type, 'symlink');
  assert.equal(tree.lookup('s/../s/1' as ByteString)?.inode.size, 4);
  assert.equal(tree.lookup('a/1/x' as ByteString), undefined);
});
