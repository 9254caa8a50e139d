import assert from 'node:assert/strict';
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { openFileAt, readlinkAt } from './directory-entry.ts';
import { lstat } from './file-status.ts';
import { linuxMounts } from './linux-mounts.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';
import { Tree } from './tree.ts';

const b = bytesOf;
const asRoot = { skip: process.geteuid?.() !== 0 && 'only root may mount' };
const openCount = (): number => readdirSync('/proc/self/fd').length;

test('a walk gives a directory before what is in it, names in bytewise order, links not followed', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.mkdirAll(b('a/b'));
  for (const path of ['a.txt', 'a/z', 'a/b/c', 'B', 'é']) tree.writeFile(b(path), Buffer.from(path));
  tree.symlink(b('link'), b('a'));
  const entries = [...tree.walk(b(''))].map((each) => each.path);
  assert.deepEqual(entries, ['B', 'a', 'a/b', 'a/b/c', 'a/z', 'a.txt', 'link', b('é')]);
  assert.deepEqual(
    [...tree.walk(b('/a/'))].map((each) => each.path),
    ['a/b', 'a/b/c', 'a/z'],
  );
});

test('a walk leaves out what its caller does not enter, and reaches each entry by descriptor', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.mkdirAll(b('skip/inner'));
  tree.writeFile(b('f'), Buffer.from('content'));
  tree.symlink(b('l'), b('to'));
  const paths: string[] = [];
  for (const entry of tree.walk(b(''), { enter: (each) => each.name !== 'skip' })) {
    paths.push(entry.path);
    if (entry.status.type === 'symlink') assert.equal(readlinkAt(entry.dirfd, entry.name, entry.path), 'to');
    if (entry.status.type !== 'file') continue;
    const fd = openFileAt(entry.dirfd, entry.name, entry.path);
    assert.equal(readFileSync(fd, 'latin1'), 'content');
    closeSync(fd);
  }
  assert.deepEqual(paths, ['f', 'l', 'skip']);
});

test('a walk leaves out what disappears meanwhile', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.mkdirAll(b('a/b'));
  tree.mkdir(b('c'));
  const paths: string[] = [];
  for (const entry of tree.walk(b(''))) {
    paths.push(entry.path);
    if (entry.path === 'a') for (const gone of ['a', 'c']) tree.remove(b(gone));
  }
  assert.deepEqual(paths, ['a']);
});

test('no descriptor stays open: after walks to the end, left early and failed, after reading, writing, removing', () => {
  using dir = temporaryDirectory();
  const work = (): void => {
    using tree = Tree.open(dir.path);
    tree.mkdirAll(b('a/b/c'));
    tree.writeFile(b('a/b/f'), Buffer.from('x'));
    assert.equal([...tree.walk(b(''))].length, 4);
    for (const entry of tree.walk(b(''))) if (entry.path === 'a/b') break;
    assert.throws(() => {
      for (const entry of tree.walk(b(''))) if (entry.path === 'a/b/c') throw new Error('stop');
    });
    tree.readFile(b('a/b/f'), { maxBytes: 10 });
    tree.xattrs(b('a/b/f'));
    tree.resolve(b('a/b/../b/no'));
    for (const fails of [() => tree.mkdir(b('a')), () => tree.list(b('no')), () => tree.walk(b('no')).next()]) {
      assert.throws(fails, (error) => Fault.is(error));
    }
    tree.remove(b('a'));
  };
  work();
  const before = openCount();
  for (let round = 0; round < 20; round += 1) work();
  assert.equal(openCount(), before);
});

test('removal follows no symlink and takes everything else', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.mkdirAll(b('keep/x'));
  tree.mkdirAll(b('gone/a/b'));
  tree.symlink(b('gone/a/l'), b('../../keep'));
  tree.mknod(b('gone/p'), { type: 'fifo' });
  tree.writeFile(b('gone/a/b/f'), Buffer.alloc(0));
  tree.remove(b('gone'));
  tree.remove(b('gone'));
  tree.remove(b('gone/below'));
  assert.deepEqual(
    [...tree.walk(b(''))].map((each) => each.path),
    ['keep', 'keep/x'],
  );
});

test('a tree deeper than descriptors and paths reach is removed, and refused by a walk', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  const depth = 3000;
  let chain = tree.openTree(b(''));
  for (let level = 0; level < depth; level += 1) {
    chain.mkdir(b('d'));
    const inner = chain.openTree(b('d'));
    chain.close();
    chain = inner;
  }
  chain.close();
  assert.throws(
    () => [...tree.walk(b(''))].length,
    (error) => Fault.is(error, 'exhausted'),
  );
  tree.remove(b('d'));
  assert.deepEqual(tree.list(b('')), []);
});

test('removal stops at a mount point and leaves what is mounted alone', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  using tree = Tree.open(dir.path);
  tree.mkdirAll(b('top/mnt'));
  const mounts = linuxMounts();
  using memory = mounts.tmpfs({ sizeBytes: 1 << 20 });
  mounts.attach(memory, join(dir.path, 'top/mnt'));
  tree.writeFile(b('top/mnt/precious'), Buffer.alloc(0));
  assert.throws(
    () => tree.remove(b('top')),
    (error) => Fault.is(error, 'conflict'),
  );
  assert.deepEqual(tree.list(b('top/mnt')), ['precious']);
  assert.equal(tree.stat(b('top/mnt'))?.mountRoot, true);
});

test('lstat is exact about what is no longer there', () => {
  assert.equal(lstat('/no/such/thing'), undefined);
  assert.equal(lstat('/proc/self/exe')?.type, 'symlink');
  assert.throws(
    () => lstat('x'.repeat(5000)),
    (error) => Fault.is(error, 'invalid'),
  );
});

test('a directory of many names is read whole', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  const names = Array.from({ length: 3000 }, (_, index) => `${index}${'n'.repeat(40)}` as ByteString);
  for (const name of names) tree.symlink(name, b('x'));
  assert.deepEqual(tree.list(b('')), names.toSorted());
});
