import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { walkMounted, type Seen } from '../erofs/mounted-tree.fixture.ts';
import { Tree } from '../host/index.ts';
import type { DiffId } from '../oci/index.ts';
import { bytesOf, type ByteString } from '../std/index.ts';
import { skip, TestStore } from './store.fixture.ts';

test('umoci unpacks our layers to the tree that we mount', { skip: skip === false ? missing('umoci') : skip }, () => {
  using store = new TestStore('erofs');
  const chain = threeLayers(store);
  const layout = join(store.root, 'layout');
  const bundle = join(store.root, 'bundle');
  umoci('init', '--layout', layout);
  umoci('new', '--image', `${layout}:x`);
  for (const diffId of chain) {
    umoci('raw', 'add-layer', '--image', `${layout}:x`, store.layers.tar(diffId).path);
  }
  umoci('unpack', '--image', `${layout}:x`, bundle);
  assert.deepEqual(likeUnpacked(walkMounted(join(bundle, 'rootfs'))), likeUnpacked(store.look(chain)));
});

test('GNU tar lists each of our layers without a warning', { skip: skip === false ? missing('tar') : skip }, () => {
  using store = new TestStore('erofs');
  for (const diffId of threeLayers(store)) {
    const listed = execFileSync('tar', ['-tf', store.layers.tar(diffId).path, '--quoting-style=literal'], {
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const names = listed.split('\n').filter((line) => line !== '');
    assert.deepEqual(
      names.map((name) => name.replace(/\/$/, '')),
      store.paths(diffId),
    );
  }
});

/** Every kind of entry and every kind of change. */
function threeLayers(store: TestStore): readonly DiffId[] {
  const base = store.step([], (path) => {
    mkdirSync(join(path, 'd/e'), { recursive: true });
    for (const name of ['d/a', 'd/b', 'd/e/c', 'whole']) writeFileSync(join(path, name), name);
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from('caf\xe9', 'latin1')]), '');
    linkSync(join(path, 'd/a'), join(path, 'z'));
    symlinkSync('d/a', join(path, 's'));
    using tree = Tree.open(path);
    tree.mknod(bytesOf('fifo'), { type: 'fifo' });
    tree.mknod(bytesOf('null'), { type: 'char', major: 1, minor: 3 });
    tree.setXattr(bytesOf('whole'), bytesOf('user.x'), '\x00\xff' as ByteString);
    tree.setTimes(bytesOf('whole'), { sec: 1_234_567_890, nsec: 123_456_789 });
  });
  const changed = store.step(base.chain, (path) => {
    rmSync(join(path, 'd/e'), { recursive: true });
    mkdirSync(join(path, 'd/e'), { mode: 0o700 });
    rmSync(join(path, 'd/b'));
    writeFileSync(join(path, 'd/e/new'), 'x'.repeat(2000));
    chmodSync(join(path, 'whole'), 0o4755);
  });
  return store.step(changed.chain, (path) => {
    rmSync(join(path, 's'));
    mkdirSync(join(path, 's'));
    writeFileSync(join(path, `s/${'long'.repeat(60)}`), '');
    linkSync(join(path, 'whole'), join(path, 'another'));
  }).chain;
}

/** Unpacking sets no times of directories that a layer has no entry for, and numbers links as they are. */
function likeUnpacked(seen: ReadonlyMap<string, Seen>): Record<string, Seen> {
  const inside = [...seen].filter(([path]) => path !== '');
  return Object.fromEntries(
    inside.map(([path, one]) => [path, { ...one, nlink: 0, mtimeNs: one.type === 'dir' ? 0n : one.mtimeNs }]),
  );
}

function umoci(...args: string[]): void {
  execFileSync('umoci', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function missing(program: string): string | false {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return false;
  } catch {
    return `${program} is not installed`;
  }
}
