import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dir, entryOf, file, link, makeTar, symlink } from '../erofs/layer.fixture.ts';
import { randomMembers } from '../erofs/random-layers.fixture.ts';
import { Fault } from '../errors/index.ts';
import { linuxMounts } from '../host/index.ts';
import type { ChildLines } from '../state/state.fixture.ts';
import { bytesOf } from '../std/index.ts';
import { randomDraws } from '../std/random-numbers.fixture.ts';
import { layerProcess } from './layer-process.fixture.ts';
import { layerStoreSuite } from './layer-store.suite.ts';
import { holder, TestLayers } from './store.fixture.ts';

layerStoreSuite(() => new TestLayers());

const needsRoot = process.getuid?.() === 0 ? false : 'a filesystem of a few MB needs root';

test('files are read-only and the folder is for its owner alone', () => {
  using layers = new TestLayers();
  const diffId = layers.put([file('f')]);
  assert.equal(lstatSync(layers.files.folder).mode & 0o777, 0o700);
  const paths = [layers.store.tar(diffId).path, layers.store.indexes([diffId])[0]?.path ?? ''];
  for (const path of paths) assert.equal(lstatSync(path).mode & 0o777, 0o400);
});

test('a layer that is packed entry by entry has the tar and the index of its bytes read back', () => {
  const data = Buffer.alloc(700_000, 'content');
  const members = [
    dir('d', { uid: 3_000_000, sec: -5, nsec: 7, xattrs: { 'user.b': '\xff', 'user.a': '1' } }),
    file('d/f', data, { mode: 0o4755, sec: 1_700_000_000, nsec: 123_456_789 }),
    file(`d/${'long'.repeat(60)}/\xe9`, 'x'),
    file('d/empty'),
    link('d/again', 'd/f'),
    symlink('s', '../d'),
    { path: 'null', type: 'char', major: 1, minor: 3 } as const,
    file('gone/.wh.x'),
    file('opaque/.wh..wh..opq'),
    file('s/through', 'y'),
    ...randomMembers(randomDraws(1)).filter(({ type }) => type !== 'link'),
  ];
  using packed = new TestLayers();
  using read = new TestLayers();
  using packer = packed.store.packer({ holder });
  for (const member of members) {
    packer.add(entryOf(member));
    if (entryOf(member).size > 0) packer.write(Buffer.from(member.data ?? ''));
  }
  const { diffId } = packer.commit();
  assert.equal(diffId, read.put(members));
  const [ours, theirs] = [packed, read].map(({ store }) => readFileSync(store.indexes([diffId])[0]?.path ?? ''));
  assert.deepEqual(ours, theirs);
});

test('after another boot a layer that is whole is kept, and its indexes are made anew', () => {
  using layers = new TestLayers();
  const { store } = layers;
  const base = layers.put([dir('d', { uid: 7 })]);
  const top = layers.put([file('d/f', 'x')], [base]);
  const [, index] = store.indexes([base, top]);
  const before = readFileSync(index?.path ?? '');
  damage(index?.path ?? '', 600);
  const restarted = layers.restart(top);
  assert.deepEqual(readFileSync(restarted.indexes([base, top])[1]?.path ?? ''), before);
});

test('after another boot a layer that lost bytes is dropped', () => {
  using layers = new TestLayers();
  for (const harm of [(path: string) => damage(path, 600), (path: string) => truncateSync(path, 512)]) {
    const diffId = layers.put([file('f', 'content')]);
    const { path } = layers.store.tar(diffId);
    harm(path);
    const restarted = layers.restart(diffId);
    assert.equal(restarted.stat(diffId), undefined);
    assert.deepEqual([restarted.list(), layers.names()], [[], []]);
  }
});

test('a durable layer is trusted after another boot; verify finds what was done by hand', () => {
  using layers = new TestLayers();
  const diffId = layers.put([file('f', 'content')]);
  layers.store.makeDurable([diffId, diffId]);
  assert.equal(layers.state.layers.get(diffId)?.durable, true);
  damage(layers.store.tar(diffId).path, 600);
  assert.notEqual(layers.restart(diffId).stat(diffId), undefined);
  assert.equal(layers.store.verify(diffId), false);
});

test('a file that is no index, as a power cut leaves it, is made again', () => {
  using layers = new TestLayers();
  const base = layers.put([dir('d')]);
  const top = layers.put([file('d/f', 'x')], [base]);
  for (const { path } of layers.store.indexes([base, top])) {
    chmodSync(path, 0o600);
    truncateSync(path, 0);
  }
  using tree = layers.reopen().tree([base, top]);
  assert.deepEqual(tree.list(bytesOf('d')), ['f']);
});

test('a record without a tar, as a killed process leaves it, is no layer, and is stored again', () => {
  using layers = new TestLayers();
  const diffId = layers.put([file('f')]);
  rmSync(layers.store.tar(diffId).path);
  assert.equal(layers.store.stat(diffId), undefined);
  layers.put([file('f')]);
  assert.equal(layers.store.verify(diffId), true);
});

test('a full disk stores nothing and says what to do', { skip: needsRoot }, () => {
  using layers = new TestLayers((folder) => onSmallDisk(folder, 4 << 20));
  const tar = makeTar([file('f', Buffer.alloc(8 << 20))]);
  assert.throws(
    () => layers.putTar(tar),
    (error) => Fault.is(error, 'exhausted') && error.hint?.includes('prune') === true,
  );
  assert.deepEqual([layers.store.list(), layers.names()], [[], []]);
  assert.equal(layers.store.verify(layers.put([file('small')])), true);
});

test('a disk that fills while the index is written stores nothing', { skip: needsRoot }, () => {
  using layers = new TestLayers((folder) => onSmallDisk(folder, 16 << 20));
  const members = Array.from({ length: 8000 }, (_, number) => file(`f${number}`));
  writeFileSync(join(layers.root, 'ballast'), Buffer.alloc((16 << 20) - 8000 * 512 - (600 << 10)));
  assert.throws(
    () => layers.put(members, []),
    (error) => Fault.is(error, 'exhausted'),
  );
  assert.deepEqual([layers.store.list(), layers.names()], [[], []]);
  rmSync(join(layers.root, 'ballast'));
  assert.equal(layers.store.verify(layers.put(members, [])), true);
});

test('a killed writer leaves only what is told to be abandoned', async () => {
  using layers = new TestLayers();
  const body = "const w = layers.writer({ holder }); w.write(Buffer.from(tar)); say('writing'); await forever();";
  await using child = layerProcess(layers.root, { body, tar: makeTar([file('f')]) });
  assert.equal(await child.line(), 'writing');
  assert.deepEqual(layers.files.abandoned(), []);
  await child.kill();
  const left = layers.files.abandoned();
  assert.deepEqual([left.length, layers.names(), layers.store.list()], [1, [], []]);
  for (const path of left) rmSync(path);
});

test('processes that store one layer, and make one index, at once all succeed', async () => {
  using layers = new TestLayers();
  const base = layers.put([dir('d', { uid: 5 })]);
  const body = `
    for (let time = 0; time < 20; time += 1) {
      using writer = layers.writer({ holder });
      writer.write(Buffer.from(tar));
      const { diffId } = writer.commit();
      using tree = layers.tree(['${base}', diffId]);
      if (tree.lookup('d/f0') === undefined) say('missing');
    }
    say('end');`;
  const tar = makeTar(Array.from({ length: 200 }, (_, number) => file(`d/f${number}`)));
  const children = [1, 2, 3].map(() => layerProcess(layers.root, { body, tar }));
  for (const child of children) assert.equal(await firstAndEnd(child), 'end');
  assert.deepEqual([layers.store.list().length, layers.names().length], [2, 4]);
});

async function firstAndEnd(child: ChildLines): Promise<string | undefined> {
  const line = await child.line();
  await child.ended();
  return line;
}

function damage(path: string, at: number): void {
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** The store's folder on a filesystem of this size. */
function onSmallDisk(folder: string, sizeBytes: number): string {
  const root = join(folder, 'disk');
  mkdirSync(root);
  const mounts = linuxMounts();
  using disk = mounts.tmpfs({ sizeBytes });
  mounts.attach(disk, root);
  return root;
}
