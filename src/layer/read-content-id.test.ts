import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dir, entryOf, file, link, symlink, type Member } from '../erofs/layer.fixture.ts';
import { readContentId } from './index.ts';
import { holder, TestLayers } from './store.fixture.ts';

async function pack(
  { store }: TestLayers,
  members: readonly Member[],
): Promise<readonly [packed: string, read: string]> {
  using packer = store.packer({ holder });
  for (const member of members) {
    packer.add(entryOf(member));
    if (entryOf(member).size > 0) packer.write(Buffer.from(member.data ?? ''));
  }
  const { diffId, contentId } = packer.commit();
  return [contentId, await readContentId(store.tar(diffId))];
}

const everyKind: readonly Member[] = [
  dir('d', { mode: 0o1777, uid: 7, gid: 8 }),
  file('d/f', 'content', { sec: 5, nsec: 6, xattrs: { 'user.b': 'x', 'user.a': '\0\xff' } }),
  file('d/empty'),
  file(`d/${'long'.repeat(60)}`, Buffer.alloc(100_000, 'x'), { mode: 0o4755 }),
  symlink('d/s', '../elsewhere'),
  link('d/h', 'd/f'),
  { path: 'd/null', type: 'char', major: 1, minor: 3 },
  { path: 'd/pipe', type: 'fifo' },
];

test("a layer's content ID is read from its tar as the one who packed it had it", async () => {
  using layers = new TestLayers();
  const [packed, read] = await pack(layers, everyKind);
  assert.equal(read, packed);
  const [none, readNone] = await pack(layers, []);
  assert.equal(readNone, none);
});

test('a layer that differs in one byte, or in one mode, has another content ID', async () => {
  using layers = new TestLayers();
  const ids = new Set<string>();
  for (const member of [file('f', 'one'), file('f', 'two'), file('f', 'one', { mode: 0o600 })]) {
    ids.add((await pack(layers, [member]))[1]);
  }
  assert.equal(ids.size, 3);
});
