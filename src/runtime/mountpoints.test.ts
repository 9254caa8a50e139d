import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Tree, linuxMounts } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import { prepareMountpoints, removeStubs } from './mountpoints.ts';
import { resolveUser } from './rootfs-user.ts';

let folder: string;
let tree: Tree;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-mountpoints-'));
  tree = Tree.open(folder);
});

afterEach(() => {
  tree.close();
  rmSync(folder, { recursive: true });
});

const usual = [
  { path: '/proc', kind: 'dir' },
  { path: '/etc/hosts', kind: 'file' },
  { path: '/etc/resolv.conf', kind: 'file' },
] as const;

test('what varve mounts into a RUN never shows up in its layer: a root from scratch is empty again', () => {
  age('.');
  const before = statSync(folder).mtimeMs;
  const stubs = prepareMountpoints(tree, usual);
  assert.deepEqual(names(), ['etc', 'etc/hosts', 'etc/resolv.conf', 'proc']);
  assert.equal(statSync(folder).mtimeMs, before);
  assert.deepEqual(removeStubs(tree, JSON.parse(JSON.stringify(stubs))), []);
  assert.deepEqual(names(), []);
  assert.equal(statSync(folder).mtimeMs, before);
});

test('places that are there already are left as they are', () => {
  mkdirSync(join(folder, 'etc'));
  mkdirSync(join(folder, 'proc'));
  writeFileSync(join(folder, 'etc/hosts'), '');
  age('etc');
  const before = statSync(join(folder, 'etc')).mtimeMs;
  const stubs = prepareMountpoints(tree, usual);
  assert.deepEqual(
    stubs.map((stub) => stub.path),
    ['etc/resolv.conf'],
  );
  removeStubs(tree, stubs);
  assert.deepEqual(names(), ['etc', 'etc/hosts', 'proc']);
  assert.equal(statSync(join(folder, 'etc')).mtimeMs, before);
});

test('mount stubs are removed only if created by us and still empty', () => {
  const stubs = prepareMountpoints(tree, [...usual, { path: '/data', kind: 'file' }]);
  writeFileSync(join(folder, 'proc/left'), '');
  writeFileSync(join(folder, 'etc/hosts'), 'mine');
  rmSync(join(folder, 'data'));
  mkdirSync(join(folder, 'data'));
  const stayed = removeStubs(tree, stubs);
  assert.deepEqual(names(), ['data', 'etc', 'etc/hosts', 'proc', 'proc/left']);
  assert.deepEqual(stayed.map((stub) => stub.path).toSorted(), ['data', 'etc', 'etc/hosts', 'proc']);
});

test('times that the container itself set stay', () => {
  const stubs = prepareMountpoints(tree, [{ path: '/mnt', kind: 'dir' }]);
  writeFileSync(join(folder, 'made-by-the-step'), '');
  const changed = statSync(folder).mtimeMs;
  removeStubs(tree, stubs);
  assert.equal(statSync(folder).mtimeMs, changed);
});

test('a dangling link is followed inside the root and its target made there', () => {
  mkdirSync(join(folder, 'etc'));
  symlinkSync('../../../run/resolve/stub.conf', join(folder, 'etc/resolv.conf'));
  const stubs = prepareMountpoints(tree, [{ path: '/etc/resolv.conf', kind: 'file' }]);
  assert.deepEqual(names(), ['etc', 'etc/resolv.conf', 'run', 'run/resolve', 'run/resolve/stub.conf']);
  removeStubs(tree, stubs);
  assert.deepEqual(names(), ['etc', 'etc/resolv.conf']);
});

const noOverlay = process.getuid?.() !== 0 && 'mounting needs root';

test('on an overlay the lower directories that got a stub look as before', { skip: noOverlay }, (t) => {
  const base = mkdtempSync('/var/tmp/varve-mountpoints-');
  t.after(() => rmSync(base, { recursive: true }));
  for (const name of ['lower/etc', 'upper', 'work']) mkdirSync(join(base, name), { recursive: true });
  writeFileSync(join(base, 'lower/etc/passwd'), '');
  utimesSync(join(base, 'lower/etc'), 1000, 1000);
  const layers = { lower: [join(base, 'lower')], upper: join(base, 'upper'), work: join(base, 'work') };
  using merged = linuxMounts().overlay(layers);
  using view = Tree.open(merged.path);
  const stubs = prepareMountpoints(view, usual);
  assert.equal(stubs.length, 3);
  assert.deepEqual(removeStubs(view, stubs), []);
  assert.deepEqual(view.stat(bytesOf('etc'))?.mtime, { sec: 1000, nsec: 0 });
  assert.deepEqual(readdirSync(join(base, 'upper'), { recursive: true }), ['etc']);
  assert.equal(statSync(join(base, 'upper/etc')).mtimeMs, 1_000_000);
});

test('a place that cannot be made leaves nothing', () => {
  writeFileSync(join(folder, 'file'), '');
  const targets = [...usual, { path: '/file/below', kind: 'dir' }] as const;
  assert.throws(() => prepareMountpoints(tree, targets), { name: 'Fault' });
  assert.deepEqual(names(), ['file']);
});

test('/etc/passwd look-ups stay inside the root', () => {
  mkdirSync(join(folder, 'etc'));
  symlinkSync('/etc/passwd', join(folder, 'etc/group'));
  symlinkSync(`${'../'.repeat(20)}accounts`, join(folder, 'etc/passwd'));
  writeFileSync(join(folder, 'accounts'), 'inner:x:77:78::/inner:/bin/sh\n');
  assert.deepEqual(resolveUser(tree, 'inner'), { uid: 77, gid: 78, additionalGids: [78], home: '/inner' });
  assert.throws(() => resolveUser(tree, 'root'), { code: 'not-found' });
});

test('a user file that is no regular file, or huge, is refused', () => {
  mkdirSync(join(folder, 'etc/passwd'), { recursive: true });
  assert.throws(() => resolveUser(tree, 'ann'), { name: 'Fault', message: /^look up user: / });
  rmSync(join(folder, 'etc/passwd'), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), Buffer.alloc(2 ** 20 + 1));
  assert.throws(() => resolveUser(tree, 'ann'), { code: 'exhausted' });
});

function names(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
}

function age(path: string): void {
  utimesSync(join(folder, path), 1_000_000, 1_000_000);
}
