import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { errnoOf } from './errno.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';
import { Tree } from './tree.ts';

const b = bytesOf;

/** A directory `root` with a secret beside it. */
function arena(path: string): { readonly root: string; readonly outside: string } {
  const [root, outside] = [join(path, 'root'), join(path, 'outside')];
  mkdirSync(root);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
  return { root, outside };
}

test('never outside the root: absolute links, chains of .. and links to links start and stop at the root', () => {
  using dir = temporaryDirectory();
  const { root, outside } = arena(dir.path);
  symlinkSync(outside, join(root, 'absolute'));
  symlinkSync('../outside', join(root, 'relative'));
  symlinkSync('../../../../../../..', join(root, 'up'));
  symlinkSync('up/absolute', join(root, 'twice'));
  using tree = Tree.open(root);
  for (const way of ['absolute', 'relative', 'up/outside', 'twice', '../outside', '/../../outside']) {
    const path = b(`${way}/secret`);
    assert.equal(tree.stat(path), undefined, way);
    assert.equal(tree.stat(path, { follow: true }), undefined, way);
    assert.throws(
      () => tree.readFile(path, { maxBytes: 10 }),
      (error) => Fault.is(error, 'not-found'),
      way,
    );
    assert.throws(
      () => tree.writeFile(b(`${way}/new`), Buffer.alloc(1)),
      (error) => Fault.is(error, 'not-found'),
      way,
    );
    tree.remove(path);
  }
  assert.deepEqual(tree.list(b('up')), tree.list(b('')));
  assert.deepEqual(readdirSync(outside), ['secret']);
});

test('never outside the root: where a link leads to a place that exists inside, that one is meant', () => {
  using dir = temporaryDirectory();
  const { root } = arena(dir.path);
  symlinkSync('/etc', join(root, 'link'));
  using tree = Tree.open(root);
  tree.mkdir(b('etc'));
  tree.writeFile(b('link/passwd'), Buffer.from('inside'));
  assert.equal(readFileSync(join(root, 'etc/passwd'), 'latin1'), 'inside');
});

test('never outside the root: the links of /proc lead nowhere', () => {
  using tree = Tree.open('/proc');
  for (const path of ['self/root/etc/passwd', 'self/cwd', 'self/fd/0', 'self/exe']) {
    assert.throws(
      () => tree.stat(b(path), { follow: true }),
      (error) => errnoOf(error) === 'ELOOP',
      path,
    );
  }
});

test('never outside the root: a hard link to a symlink links the symlink', () => {
  using dir = temporaryDirectory();
  const { root, outside } = arena(dir.path);
  symlinkSync(join(outside, 'secret'), join(root, 'l'));
  using tree = Tree.open(root);
  tree.link(b('h'), b('l'));
  assert.equal(tree.stat(b('h'))?.type, 'symlink');
});

test('the last name is never followed by what changes things', () => {
  using dir = temporaryDirectory();
  const { root } = arena(dir.path);
  using tree = Tree.open(root);
  tree.writeFile(b('f'), Buffer.from('x'));
  tree.symlink(b('l'), b('f'));
  tree.setTimes(b('l'), { sec: 1, nsec: 0 });
  assert.notEqual(tree.stat(b('f'))?.mtime.sec, 1);
  assert.throws(
    () => tree.writeFile(b('l'), Buffer.alloc(1)),
    (error) => Fault.is(error, 'already-exists'),
  );
  tree.remove(b('l'));
  assert.deepEqual(tree.list(b('')), ['f']);
});

test('resolve gives the path inside the root, also of what is not there yet', () => {
  using dir = temporaryDirectory();
  const { root } = arena(dir.path);
  using tree = Tree.open(root);
  tree.mkdirAll(b('usr/bin'));
  tree.symlink(b('bin'), b('/usr/bin'));
  tree.symlink(b('usr/up'), b('../../..'));
  tree.symlink(b('dangling'), b('var/../opt/x'));
  tree.symlink(b('loop'), b('loop'));
  const cases = [
    ['bin/sh', 'usr/bin/sh'],
    ['bin/../lib', 'usr/lib'],
    ['usr/up/usr/up/bin', 'usr/bin'],
    ['dangling/y', 'opt/x/y'],
    ['no/such/../thing', 'no/thing'],
    ['../../..', ''],
    ['', ''],
  ] as const;
  for (const [path, expected] of cases) assert.equal(tree.resolve(b(path)), expected, path);
  assert.throws(
    () => tree.resolve(b('loop/x')),
    (error) => Fault.is(error, 'invalid'),
  );
});

test('a FIFO or device is never opened', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  tree.mknod(b('p'), { type: 'fifo' });
  tree.symlink(b('l'), b('p'));
  for (const path of ['p', 'l'])
    assert.throws(
      () => tree.openFile(b(path)),
      (error) => Fault.is(error, 'invalid'),
    );
  using devices = Tree.open('/dev');
  assert.throws(
    () => devices.openFile(b('null')),
    (error) => Fault.is(error, 'invalid'),
  );
});

test('never outside the root: while a directory is swapped for a symlink again and again (CVE-2018-15664)', async () => {
  using dir = temporaryDirectory();
  const { root, outside } = arena(dir.path);
  mkdirSync(join(root, 'd'));
  symlinkSync(outside, join(root, 'l'));
  const swapper = await startSwapping(root);
  using tree = Tree.open(root);
  try {
    for (let round = 0; round < 2000; round += 1) {
      quietly(() => tree.writeFile(b(`d/f${round}`), Buffer.from('x')));
      quietly(() => tree.setMode(b('d/secret'), 0o777));
      quietly(() => assert.fail(tree.readFile(b('d/secret'), { maxBytes: 10 }).toString()));
      quietly(() => tree.remove(b('d/secret')));
      for (const entry of seen(tree)) assert.ok(!entry.includes('secret'), entry);
      if (round % 50 === 0) quietly(() => tree.remove(b('d')));
    }
  } finally {
    await stop(swapper);
  }
  assert.deepEqual(readdirSync(outside), ['secret']);
  assert.equal(readFileSync(join(outside, 'secret'), 'latin1'), 'secret');
});

/** What is met on the way may vanish or change its type; only Faults of the kernel may come of it. */
function quietly(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!Fault.is(error)) throw error;
  }
}

function seen(tree: Tree): string[] {
  const paths: string[] = [];
  quietly(() => {
    for (const entry of tree.walk(b(''))) paths.push(entry.path);
  });
  return paths;
}

async function startSwapping(root: string): Promise<ChildProcess> {
  const program = `
    const { mkdirSync, renameSync, symlinkSync } = require('node:fs');
    const may = (body) => { try { body(); } catch {} };
    process.chdir(process.argv[1]);
    console.log('ready');
    for (;;) {
      may(() => mkdirSync('d'));
      may(() => symlinkSync('../outside', 'l'));
      may(() => renameSync('d', 'x'));
      may(() => renameSync('l', 'd'));
      may(() => renameSync('d', 'l'));
      may(() => renameSync('x', 'd'));
    }`;
  const child = spawn(process.execPath, ['-e', program, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
