import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../../errors/index.ts';
import { digestOf } from '../../oci/index.ts';
import { gitServer, TestRepository } from '../../source/git-server.fixture.ts';
import { parseGitUrl } from '../../source/index.ts';
import { sourceStore } from '../../source/store.fixture.ts';
import { bytesOf } from '../../std/index.ts';
import { FileSourceTree, GitSourceTree } from './remote-source.ts';
import { webServer } from './web-server.fixture.ts';
import { sourceTreeSuite, type SourceTreeCase } from './source-tree.suite.ts';

async function downloaded(content: Buffer): Promise<SourceTreeCase & { readonly tree: FileSourceTree }> {
  await using server = await webServer(() => content);
  const store = sourceStore();
  const file = await store.sources.fetchUrl(`${server.origin}/a%20file`, { holder: store.holder });
  return {
    tree: new FileSourceTree(file, 'a file'),
    files: { 'a file': content },
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.dispose]()),
  };
}

const noGit = existsSync('/usr/bin/git') ? false : 'git is not installed';
const large = Buffer.alloc(2_500_000, 'abc');

async function checkedOut(): Promise<SourceTreeCase & { readonly tree: GitSourceTree; readonly timeSec: number }> {
  const folder = mkdtempSync('/var/tmp/varve-git-');
  const repository = new TestRepository(join(folder, 'app.git'));
  const files = { 'a/b/c': 'deep', 'a.txt': 'x', large: large.toString(), empty: '', 'a/.dockerignore': '**' };
  repository.commit({ ...files, link: { link: 'a/b' } });
  const server = await gitServer(folder);
  const store = sourceStore();
  const reference = parseGitUrl(`${server.origin}/app.git`);
  assert.ok(reference);
  const checkout = await store.sources.fetchGit(reference, {});
  const tree = new GitSourceTree(checkout);
  const contents = Object.entries(files).map(([path, content]) => [path, Buffer.from(content)] as const);
  return {
    tree,
    timeSec: repository.timeSec,
    files: { a: undefined, 'a/b': undefined, link: { link: 'a/b' }, ...Object.fromEntries(contents) },
    [Symbol.asyncDispose]: async () => {
      tree[Symbol.dispose]();
      checkout[Symbol.dispose]();
      store[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
      assert.ok(!existsSync(checkout.root));
    },
  };
}

sourceTreeSuite('a small download', () => downloaded(Buffer.from('hello')));
sourceTreeSuite('an empty download', () => downloaded(Buffer.alloc(0)));
sourceTreeSuite('a large download', () => downloaded(large));
sourceTreeSuite('a git tree', checkedOut, noGit);

test("a URL's file has mode 0600 and the time of Last-Modified", async () => {
  await using given = await downloaded(Buffer.from('hello'));
  const node = given.tree.stat(bytesOf('a file'));
  assert.deepEqual([node?.mode, node?.mtime], [0o600, { sec: 1_445_412_480, nsec: 0 }]);
});

test('without Last-Modified the time is that of 1970', () => {
  const file = { path: '/x', digest: digestOf(''), sizeBytes: 0, name: 'x', mtime: undefined, isNew: true };
  assert.deepEqual(new FileSourceTree(file, 'x').stat(bytesOf('x'))?.mtime, { sec: 0, nsec: 0 });
});

test('a file of the store that became shorter is a conflict', async () => {
  await using given = await downloaded(Buffer.from('hello'));
  const node = given.tree.stat(bytesOf('a file'));
  assert.ok(node);
  assert.throws(
    () => [...given.tree.read({ ...node, size: 6 })],
    (error) => Fault.is(error, 'conflict'),
  );
});

test('files of a git tree have the time of its commit', { skip: noGit }, async () => {
  await using given = await checkedOut();
  for (const node of given.tree.walk(bytesOf(''))) assert.deepEqual(node.mtime, { sec: given.timeSec, nsec: 0 });
});
