import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { MergedTree } from './index.ts';
import type { MergedNode } from './index.ts';
import { mountStack } from './kernel-mount.fixture.ts';
import { dir, file, link, makeStack, symlink } from './layer.fixture.ts';
import type { Member, TestLayer } from './layer.fixture.ts';
import { MountBench, canMount, hashOfBytes, walkMounted } from './mounted-tree.fixture.ts';
import type { Seen } from './mounted-tree.fixture.ts';
import { randomMembers } from './random-layers.fixture.ts';
import { randomDraws } from '../std/random-numbers.fixture.ts';

const skip = !canMount && 'mounting needs root';

/** Mounts layers, lowest first, under one overlay and walks it. */
function seeStack(layers: readonly TestLayer[]): Map<string, Seen> {
  using bench = new MountBench();
  const tars = new Map(layers.map(({ tag, tar }) => [tag, bench.put(`${tag}.tar`, tar)]));
  const mounts = layers.map(({ image, bytes }, index): readonly [string, ...string[]] => {
    const devices = image.devices.map(({ tag }) => tars.get(tag) ?? assert.fail());
    return [bench.put(`${index}.erofs`, bytes), ...devices];
  });
  return walkMounted(bench.mounted((target) => mountStack(target, mounts)));
}

test('whiteouts, opaque directories, implied parents and links into lower layers under overlayfs', { skip }, () => {
  const layers = makeStack([
    [
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
    ],
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
  ]);
  const seen = seeStack(layers);
  const wanted = 'a a/keep a/new b b/fresh c lib link link2 linked usr usr/lib usr/lib/old usr/lib/through';
  assert.equal([...seen.keys()].join(' ').trim(), wanted);
  assert.equal(seen.get('')?.mode, '711');
  const a = seen.get('a');
  assert.deepEqual([a?.mode, a?.owner, a?.mtimeNs, a?.xattrs], ['750', '7:0', 99_000_000_000n, { 'user.a': '1' }]);
  const copied = seen.get('link');
  assert.deepEqual([copied?.hash, copied?.mode, copied?.nlink], [hashOfBytes(Buffer.from('lower data')), '640', 2]);
  assert.equal(seen.get('link2')?.same, 'link');
});

test('overlayfs shows random stacks of layers as the merged tree does', { skip }, () => {
  const next = randomDraws(3);
  let compared = 0;
  for (let round = 0; round < 150; round += 1) {
    const layers = stackOf(Array.from({ length: 2 + next(2) }, () => randomMembers(next)));
    if (layers === undefined) continue;
    const merged = new MergedTree(layers.map(({ image }) => image));
    const seen = [...seeStack(layers)].filter(([path]) => path !== '');
    assert.deepEqual(
      seen.map(([path, { type, mode }]) => `${path} ${type} ${mode}`).toSorted(),
      listMerged(merged, merged.root, '').toSorted(),
    );
    compared += 1;
  }
  assert.ok(compared > 50);
});

/** Undefined where a link leads nowhere. */
function stackOf(layers: readonly (readonly Member[])[]): TestLayer[] | undefined {
  try {
    return makeStack(layers);
  } catch (error) {
    if (Fault.is(error, 'invalid')) return undefined;
    throw error;
  }
}

function listMerged(tree: MergedTree, directory: MergedNode, prefix: string): string[] {
  const lines: string[] = [];
  for (const { name, node } of tree.list(directory)) {
    lines.push(`${prefix}${name} ${node.inode.type} ${node.inode.mode.toString(8)}`);
    if (node.inode.type === 'dir') lines.push(...listMerged(tree, node, `${prefix}${name}/`));
  }
  return lines;
}
