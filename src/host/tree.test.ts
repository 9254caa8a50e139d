import assert from 'node:assert/strict';
import { closeSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesFrom, bytesOf } from '../std/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import { errnoOf } from './errno.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';
import { Tree } from './tree.ts';
import { xattrAt, xattrsAt } from './xattrs.ts';

const b = bytesOf;
const asRoot = { skip: process.geteuid?.() !== 0 && 'only root may do this' };
const content = { maxBytes: 1000 };

test('what was made can be seen, with exactly the mode asked for whatever the umask', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.mkdir(b('d'), 0o2777);
  tree.writeFile(b('d/f'), Buffer.from('hello'));
  tree.symlink(b('d/l'), b('f'));
  tree.mknod(b('d/p'), { type: 'fifo' });
  tree.link(b('d/h'), b('d/f'));
  assert.equal(tree.stat(b('d'))?.mode, 0o2777);
  assert.deepEqual(tree.list(b('d')), ['f', 'h', 'l', 'p']);
  const file = tree.stat(b('d/f'));
  assert.deepEqual([file?.type, file?.mode, file?.size, file?.nlink], ['file', 0o600, 5, 2]);
  assert.equal(tree.stat(b('d/h'))?.ino, file?.ino);
  assert.equal(tree.stat(b('d/l'))?.type, 'symlink');
  assert.equal(tree.stat(b('d/l'), { follow: true })?.type, 'file');
  assert.equal(tree.stat(b('d/p'))?.type, 'fifo');
  assert.equal(tree.readlink(b('d/l')), 'f');
  assert.equal(tree.readFile(b('d/l'), content).toString(), 'hello');
});

test('the status is what the system says, inode and times exact', () => {
  using dir = temporaryDirectory();
  writeFileSync(join(dir.path, 'f'), 'x');
  using tree = Tree.open(dir.path);
  const [ours, theirs] = [tree.stat(b('f')), statSync(join(dir.path, 'f'), { bigint: true })];
  assert.ok(ours);
  assert.deepEqual([ours.ino, ours.uid, ours.gid], [theirs.ino, Number(theirs.uid), Number(theirs.gid)]);
  assert.deepEqual([ns(ours.mtime), ns(ours.ctime)], [theirs.mtimeNs, theirs.ctimeNs]);
  assert.equal(((theirs.dev >> 8n) & 0xfffn) * 2n ** 20n + (theirs.dev & 0xffn), BigInt(ours.dev));
});

test('absence is undefined, whether the name or a directory before it is missing', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.writeFile(b('f'), Buffer.alloc(0));
  for (const path of ['no', 'no/no', 'f/no', 'no/..', 'f/.']) assert.equal(tree.stat(b(path)), undefined, path);
  assert.equal(tree.stat(b(''))?.type, 'dir');
  assert.equal(tree.stat(b('/'))?.type, 'dir');
  assert.throws(
    () => tree.readlink(b('no')),
    (error) => Fault.is(error, 'not-found') && errnoOf(error) === 'ENOENT',
  );
});

test('names are bytes: 255 of them, and those that are no UTF-8, survive', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  const names = [bytesFrom(Buffer.from([0xff, 0xfe, 0x0a, 0x5c])), b('é'), 'x'.repeat(255) as ByteString];
  for (const name of names) tree.writeFile(name, Buffer.from(name, 'latin1'));
  assert.deepEqual(tree.list(b('')), names.toSorted());
  assert.deepEqual(
    readdirSync(dir.path, { encoding: 'buffer' })
      .map((each) => bytesFrom(each))
      .toSorted(),
    names.toSorted(),
  );
  for (const name of names) assert.equal(bytesFrom(tree.readFile(name, content)), name);
});

test('a name with a NUL or beyond what the kernel takes is refused, not cut', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  assert.throws(
    () => tree.mkdir('a\0b' as ByteString),
    (error) => errnoOf(error) === 'EINVAL',
  );
  assert.throws(
    () => tree.mkdir('x'.repeat(256) as ByteString),
    (error) => errnoOf(error) === 'ENAMETOOLONG',
  );
  assert.throws(
    () => tree.mkdir('x/'.repeat(2500) as ByteString),
    (error) => errnoOf(error) === 'ENAMETOOLONG',
  );
});

test('times are kept to the nanosecond, before 1970 and after 2038, of symlinks too', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.writeFile(b('f'), Buffer.alloc(0));
  tree.symlink(b('l'), b('nowhere'));
  const times = [
    { sec: -1, nsec: 999_999_999 },
    { sec: -2_000_000_000, nsec: 1 },
    { sec: 0, nsec: 0 },
    { sec: 1_700_000_000, nsec: 123_456_789 },
    { sec: 5_000_000_000, nsec: 7 },
  ];
  for (const time of times) {
    for (const path of ['f', 'l']) {
      tree.setTimes(b(path), time);
      assert.deepEqual(tree.stat(b(path))?.mtime, time);
    }
  }
});

test('owner and mode: setuid survives when set after the owner, a symlink has an owner and no mode', asRoot, () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.writeFile(b('f'), Buffer.alloc(0));
  tree.symlink(b('l'), b('f'));
  tree.setOwner(b('f'), 4_000_000_000, 300_000);
  tree.setMode(b('f'), 0o6751);
  tree.setOwner(b('l'), 7, 8);
  const [file, link] = [tree.stat(b('f')), tree.stat(b('l'))];
  assert.deepEqual([file?.uid, file?.gid, file?.mode], [4_000_000_000, 300_000, 0o6751]);
  assert.deepEqual([link?.uid, link?.gid], [7, 8]);
  assert.throws(
    () => tree.setMode(b('l'), 0o600),
    (error) => Fault.is(error, 'unsupported'),
  );
});

test('device nodes keep their numbers, large ones too', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  using tree = Tree.open(dir.path);
  const numbers = [
    [0, 0],
    [1, 3],
    [259, 70_000],
    [4095, 1_048_575],
  ] as const;
  for (const [index, [major, minor]] of numbers.entries()) {
    const path = b(`n${index}`);
    tree.mknod(path, { type: index % 2 === 0 ? 'char' : 'block', major, minor });
    const status = tree.stat(path);
    assert.deepEqual([status?.rdevMajor, status?.rdevMinor], [major, minor]);
    assert.equal(status?.type, index % 2 === 0 ? 'char' : 'block');
  }
});

test('extended attributes are bytes, on files and directories', (t) => {
  using dir = temporaryDirectory('/var/tmp');
  using tree = Tree.open(dir.path);
  tree.writeFile(b('f'), Buffer.alloc(0));
  const binary = bytesFrom(Buffer.from([0, 1, 0xff, 0, 0x80]));
  try {
    tree.setXattr(b('f'), b('user.z'), binary);
  } catch (error) {
    if (!Fault.is(error, 'unsupported')) throw error;
    t.skip('the filesystem of /var/tmp has no extended attributes');
    return;
  }
  tree.setXattr(b('f'), b('user.empty'), b(''));
  assert.deepEqual(
    [...tree.xattrs(b('f'))],
    [
      ['user.empty', ''],
      ['user.z', binary],
    ],
  );
  tree.setXattr(b('f'), b('user.z'), b('2'));
  assert.equal(tree.xattrs(b('f')).get(b('user.z')), '2');
  tree.removeXattr(b('f'), b('user.z'));
  assert.deepEqual([...tree.xattrs(b('f')).keys()], ['user.empty']);
  assert.throws(
    () => tree.removeXattr(b('f'), b('user.z')),
    (error) => Fault.is(error, 'not-found'),
  );
  for (const { dirfd, name, path } of tree.walk(b(''))) {
    assert.deepEqual([...xattrsAt(dirfd, name, path)], [['user.empty', '']]);
    assert.equal(xattrAt(dirfd, name, b('user.empty')), '');
    assert.equal(xattrAt(dirfd, name, b('user.z')), undefined);
  }
  assert.equal(tree.xattrs(b('')).size, 0);
});

test('a symlink has attributes of its own', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  using tree = Tree.open(dir.path);
  tree.symlink(b('l'), b('/etc/passwd'));
  const value = bytesFrom(Buffer.from([0xff, 0]));
  tree.setXattr(b('l'), b('trusted.x'), value);
  assert.deepEqual([...tree.xattrs(b('l'))], [['trusted.x', value]]);
});

test('files: what exists is not written over, what is no file is not opened, too much is not read', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.writeFile(b('f'), [Buffer.from('one '), Buffer.from('two')]);
  assert.throws(
    () => tree.writeFile(b('f'), Buffer.alloc(1)),
    (error) => Fault.is(error, 'already-exists'),
  );
  assert.throws(
    () => tree.openFile(b('')),
    (error) => Fault.is(error, 'invalid'),
  );
  assert.throws(
    () => tree.readFile(b('f'), { maxBytes: 6 }),
    (error) => Fault.is(error, 'exhausted'),
  );
  assert.equal(tree.readFile(b('f'), { maxBytes: 7 }).toString(), 'one two');
  tree.symlink(b('l'), b('f'));
  closeSync(tree.openFile(b('l')));
  assert.throws(
    () => tree.openFile(b('l'), { follow: false }),
    (error) => Fault.is(error, 'invalid'),
  );
});

test('a file whose size is not told beforehand is read whole', () => {
  using tree = Tree.open('/proc/self');
  assert.match(tree.readFile(b('status'), { maxBytes: 100_000 }).toString(), /^Name:/);
});

test('mkdirAll makes what is missing and says what', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  assert.deepEqual(tree.mkdirAll(b('a/b//c/'), 0o750), ['a', 'a/b', 'a/b/c']);
  assert.deepEqual(tree.mkdirAll(b('a/b/d')), ['a/b/d']);
  assert.deepEqual(tree.mkdirAll(b('a/b')), []);
  assert.equal(tree.stat(b('a/b/c'))?.mode, 0o750);
  tree.writeFile(b('f'), Buffer.alloc(0));
  assert.throws(
    () => tree.mkdirAll(b('f/x')),
    (error) => errnoOf(error) === 'ENOTDIR',
  );
});

test('rename replaces, or with noReplace does not', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.writeFile(b('a'), Buffer.from('a'));
  tree.writeFile(b('b'), Buffer.from('b'));
  assert.throws(
    () => tree.rename(b('a'), b('b'), { noReplace: true }),
    (error) => Fault.is(error, 'already-exists'),
  );
  tree.rename(b('a'), b('b'));
  assert.deepEqual([tree.list(b('')), readFileSync(join(dir.path, 'b'), 'latin1')], [['b'], 'a']);
});

test('what names no entry of its own is not made, removed or renamed', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  for (const path of ['', '/', '.', '..', 'x/..', 'x/.']) {
    assert.throws(
      () => tree.remove(b(path)),
      (error) => Fault.is(error),
      path,
    );
    assert.throws(
      () => tree.mkdir(b(path)),
      (error) => Fault.is(error),
      path,
    );
  }
});

test('a tree within a tree is confined to itself', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.mkdirAll(b('a/b'));
  tree.writeFile(b('outside'), Buffer.alloc(0));
  using inner = tree.openTree(b('a'));
  assert.deepEqual(inner.list(b('../..')), ['b']);
  assert.equal(inner.stat(b('../outside')), undefined);
});

function ns(time: Timestamp): bigint {
  return BigInt(time.sec) * 1_000_000_000n + BigInt(time.nsec);
}
