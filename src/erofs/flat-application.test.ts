import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import type { TarType } from '../tar/index.ts';
import { LayerIndexer, MergedTree } from './index.ts';
import type { MergedNode } from './index.ts';
import { dir, entryOf, file, makeLayer, makeStack, symlink } from './layer.fixture.ts';
import type { Member } from './layer.fixture.ts';
import { randomMembers } from './random-layers.fixture.ts';
import { randomDraws } from '../std/random-numbers.fixture.ts';

/** A tree in the plainest form: a directory's names, or a file's label. Both have a mode. */
interface FlatNode {
  mode: number;
  readonly names: Map<string, FlatNode> | undefined;
}

class NoTarget extends Error {}

/** What `rm` and `tar -x` would make of the layers in one directory: deletions first, then each entry in turn. */
function applyFlat(root: FlatNode, members: readonly Member[]): void {
  for (const { path } of members) deleteFlat(root, path);
  for (const member of members) if (!member.path.includes('.wh.')) addFlat(root, member);
}

function deleteFlat(root: FlatNode, path: string): void {
  const names = path.split('/');
  const name = names.pop() ?? '';
  const parent = findFlat(root, names);
  if (name === '.wh..wh..opq') parent?.names?.clear();
  else if (name.startsWith('.wh.')) parent?.names?.delete(name.slice(4));
}

function findFlat(root: FlatNode, names: readonly string[]): FlatNode | undefined {
  let node: FlatNode | undefined = root;
  for (const name of names) node = node?.names?.get(name);
  return node;
}

function addFlat(root: FlatNode, member: Member): void {
  const names = member.path.split('/');
  const name = names.pop() ?? '';
  let parent = root;
  for (const each of names) parent = enterFlat(parent, each);
  const target = member.type === 'link' ? findFlat(root, (member.link ?? '').split('/')) : undefined;
  if (member.type === 'link' && (target === undefined || target.names !== undefined)) throw new NoTarget();
  const there = parent.names?.get(name);
  if (member.type === 'dir' && there?.names !== undefined) there.mode = member.mode ?? 0;
  else parent.names?.set(name, target ?? newNode(member));
}

function enterFlat(parent: FlatNode, name: string): FlatNode {
  const there = parent.names?.get(name);
  if (there?.names !== undefined) return there;
  const made = newNode({ path: name, type: 'dir', mode: 0o755 });
  parent.names?.set(name, made);
  return made;
}

function newNode(member: Member): FlatNode {
  return { mode: member.mode ?? 0, names: member.type === 'dir' ? new Map() : undefined };
}

function listFlat(node: FlatNode, path = ''): string[] {
  if (node.names === undefined) return [`${path} ${node.mode}`];
  const inner = [...node.names].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [`${path}/ ${node.mode}`, ...inner.flatMap(([name, each]) => listFlat(each, `${path}/${name}`))];
}

function listMerged(tree: MergedTree, node: MergedNode, path = ''): string[] {
  if (node.inode.type !== 'dir') return [`${path} ${node.inode.mode}`];
  const inner = tree.list(node).flatMap(({ name, node: each }) => listMerged(tree, each, `${path}/${name}`));
  return [`${path}/ ${node.inode.mode}`, ...inner];
}

test('random stacks of layers equal their application to one directory', () => {
  const next = randomDraws(7);
  let compared = 0;
  for (let round = 0; round < 3000; round += 1) {
    const layers = Array.from({ length: 1 + next(3) }, () => randomMembers(next));
    const flat = newNode(dir('', { mode: 0o755 }));
    try {
      for (const members of layers) applyFlat(flat, members);
    } catch (error) {
      if (error instanceof NoTarget) continue;
      throw error;
    }
    const merged = new MergedTree(makeStack(layers).map(({ image }) => image));
    assert.deepEqual(listMerged(merged, merged.root), listFlat(flat), JSON.stringify(layers));
    compared += 1;
  }
  assert.ok(compared > 1000);
});

test('hostile paths, links and whiteouts give a tree or a Fault, never anything else', () => {
  const next = randomDraws(11);
  const parts = [
    '..',
    '.',
    '',
    'a',
    'b',
    '.wh.a',
    '.wh.',
    '.wh..',
    '.wh..wh..opq',
    '.wh..wh.plnk',
    '\xff',
    'c'.repeat(256),
  ];
  const name = (): string => Array.from({ length: 1 + next(5) }, () => parts[next(parts.length)] ?? '').join('/');
  const types: readonly TarType[] = ['file', 'dir', 'symlink', 'link', 'fifo', 'char'];
  const place = { headerOffset: 0, dataOffset: 512, storedSize: 0, segments: undefined };
  const tar = { tag: '0'.repeat(64), sizeBytes: 0, read: () => Buffer.alloc(0) };
  const lower = makeLayer([dir('a'), symlink('b', 'a/../b/./a'), symlink('a/b', '/'), file('a/a')]);
  for (let round = 0; round < 10_000; round += 1) {
    try {
      const indexer = new LayerIndexer();
      for (let count = next(8); count >= 0; count -= 1) {
        const type = types[next(types.length)] ?? 'file';
        const member = { ...entryOf({ path: '', type, major: 1 }), path: name() as ByteString };
        indexer.add({ ...member, link: (type === 'link' || type === 'symlink' ? name() : '') as ByteString }, place);
      }
      indexer.finish().write({ tar, below: round % 2 === 0 ? undefined : new MergedTree([lower.image]) }, () => {});
    } catch (error) {
      if (!Fault.is(error) || error.code === 'internal') throw error;
    }
  }
});
