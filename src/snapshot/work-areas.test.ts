import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { spawn } from 'node:child_process';
import { ChildLines } from '../state/state.fixture.ts';
import { skip, TestStore } from './store.fixture.ts';

test('a temporary area ends with its owner: view, folder and mount point', { skip }, () => {
  using store = new TestStore('directory');
  const { areas } = store;
  {
    using area = areas.temporary('step');
    assert.deepEqual([areas.list(), areas.isOwned(area.id), areas.isMounted(area.id)], [[area.id], true, false]);
    const view = store.snapshotter.writable([], area);
    writeFileSync(join(view.path, 'f'), '');
    assert.equal(areas.isMounted(area.id), true);
  }
  assert.deepEqual(areas.list(), []);
});

test(
  'an area disposed of soon has its owner until it is gone: when the process waits, or before it ends',
  { skip },
  async () => {
    using store = new TestStore('directory');
    const { areas } = store;
    const first = areas.temporary('step');
    mkdirSync(first.workDir);
    areas.disposeSoon(first);
    assert.deepEqual([areas.list(), areas.isOwned(first.id)], [[first.id], true]);
    await new Promise(setImmediate);
    assert.deepEqual([areas.list(), areas.isOwned(first.id)], [[], false]);
    areas.disposeSoon(areas.temporary('step'));
    areas.settle();
    assert.deepEqual(areas.list(), []);
  },
);

test('a lasting area stays until it is removed, with what is mounted in its view', { skip }, () => {
  using store = new TestStore('directory');
  const { areas, mounts } = store;
  const area = areas.lasting('container');
  const view = store.snapshotter.writable([], area);
  mkdirSync(join(view.path, 'inner'));
  using inner = mounts.tmpfs({ sizeBytes: 4096 });
  mounts.attach(inner, join(view.path, 'inner'));
  inner.close();
  assert.deepEqual([areas.list(), areas.isOwned(area.id)], [['container'], false]);
  areas.unmount(area.id);
  assert.equal(areas.isMounted(area.id), false);
  assert.deepEqual(readdirSync(join(area.workDir, 'upper')), ['inner']);
  areas.remove(area.id);
  areas.remove(area.id);
  assert.deepEqual(areas.list(), []);
});

test('what a killed owner left is known to have no owner, and is cleared', { skip }, async () => {
  using store = new TestStore('directory');
  const { areas } = store;
  const program = `
    const { WorkAreas, OverlaySnapshotter } = await import(${moduleAt('index.ts')});
    const { linuxMounts } = await import(${moduleAt('../host/index.ts')});
    const mounts = linuxMounts();
    const areas = new WorkAreas({ root: ${quoted(store.root)}, runRoot: ${quoted(store.runRoot)}, mounts });
    const area = areas.temporary('step');
    const tree = { root: { uid: 0, gid: 0, mode: 0o755, mtime: { sec: 0, nsec: 0 }, xattrs: new Map() }, [Symbol.dispose]() {} };
    const roots = { roots: () => [] };
    new OverlaySnapshotter({ layers: { tree: () => tree }, mounts, roots }).writable([], area);
    console.log(area.id);
    setInterval(() => {}, 1000);`;
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  await using child = new ChildLines(
    spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: [...stdio] }),
  );
  const id = (await child.line()) ?? '';
  assert.deepEqual([areas.list(), areas.isOwned(id), areas.isMounted(id)], [[id], true, true]);
  await child.kill();
  assert.deepEqual([areas.isOwned(id), areas.isMounted(id)], [false, true]);
  areas.remove(id);
  assert.deepEqual([areas.list(), areas.isMounted(id)], [[], false]);
});

test('the trash is emptied of what others renamed away', { skip }, () => {
  using store = new TestStore('directory');
  mkdirSync(join(store.root, 'trash/something/deep'), { recursive: true });
  writeFileSync(join(store.root, 'trash/something/deep/file'), '');
  store.areas.emptyTrash();
  assert.deepEqual(readdirSync(join(store.root, 'trash')), []);
});

function moduleAt(path: string): string {
  return quoted(join(import.meta.dirname, path));
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
