import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { bytesOf, toBuffer } from '../../std/index.ts';
import { sourcePieceBytes, type SourceNode, type SourceTree } from './source-tree.ts';

/** A tree to try, and what is in it, by path: content of files, `undefined` for directories, `{ link }` for symlinks. */
export interface SourceTreeCase extends AsyncDisposable {
  readonly tree: SourceTree;
  readonly files: Readonly<Record<string, Uint8Array | undefined | { readonly link: string }>>;
}

/** What every source tree must do. */
export function sourceTreeSuite(name: string, make: () => Promise<SourceTreeCase>, skip: string | false = false): void {
  test(`${name}: the root is a directory, and what is not there is undefined`, { skip }, async () => {
    await using given = await make();
    assert.equal(given.tree.stat(bytesOf(''))?.type, 'dir');
    assert.equal(given.tree.stat(bytesOf('no-such-file')), undefined);
    assert.equal(given.tree.stat(bytesOf('no/such/file')), undefined);
  });

  test(
    `${name}: a walk meets everything once, a directory before what is in it, in bytewise order`,
    { skip },
    async () => {
      await using given = await make();
      const paths = [...given.tree.walk(bytesOf(''))].map(({ path }) => String(path));
      const inOrder = Object.keys(given.files).toSorted((a, b) => compare(a.split('/'), b.split('/')));
      assert.deepEqual(paths, inOrder);
    },
  );

  test(`${name}: a walk and a look-up tell the same of a file`, { skip }, async () => {
    await using given = await make();
    for (const node of given.tree.walk(bytesOf(''))) {
      const alone = given.tree.stat(node.path);
      assert.ok(alone !== undefined);
      assert.deepEqual(factsOf(alone), factsOf(node));
    }
  });

  test(`${name}: all belongs to root, types and sizes are right`, { skip }, async () => {
    await using given = await make();
    for (const node of given.tree.walk(bytesOf(''))) {
      const expected = given.files[node.path];
      const type = expected === undefined ? 'dir' : expected instanceof Uint8Array ? 'file' : 'symlink';
      const size = expected instanceof Uint8Array ? expected.length : 0;
      assert.deepEqual([node.type, node.size, node.uid, node.gid], [type, size, 0, 0], node.path);
      if (expected !== undefined && 'link' in expected) assert.equal(node.link, bytesOf(expected.link));
    }
  });

  test(`${name}: files are read whole, in pieces of at most 1 MiB, a small one in one piece`, { skip }, async () => {
    await using given = await make();
    for (const [path, content] of Object.entries(given.files)) {
      if (!(content instanceof Uint8Array)) continue;
      const node = given.tree.stat(bytesOf(path));
      assert.ok(node !== undefined);
      const pieces = [...given.tree.read(node)].length;
      assert.equal(pieces, Math.ceil(content.length / sourcePieceBytes), path);
      assert.equal(Buffer.compare(contentOf(given.tree, node), content), 0, path);
    }
  });

  test(`${name}: a hash that is known is that of the content`, { skip }, async () => {
    await using given = await make();
    for (const node of given.tree.walk(bytesOf(''))) {
      const hash = given.tree.knownHash(node);
      if (hash === undefined || node.type !== 'file') continue;
      const actual = createHash('sha256').update(contentOf(given.tree, node)).digest();
      assert.equal(Buffer.compare(toBuffer(hash), actual), 0, node.path);
    }
  });

  test(`${name}: a directory lists its names in bytewise order`, { skip }, async () => {
    await using given = await make();
    const top = [...new Set(Object.keys(given.files).map((path) => path.split('/')[0] ?? ''))];
    assert.deepEqual(given.tree.list(bytesOf('')).map(String), top.toSorted());
  });
}

function contentOf(tree: SourceTree, node: SourceNode): Buffer {
  const pieces: Buffer[] = [];
  for (const piece of tree.read(node)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function factsOf(node: SourceNode): unknown {
  const { path, type, mode, uid, gid, size, mtime, nlink, identity, link, xattrs } = node;
  return { path, type, mode, uid, gid, size, mtime, nlink, identity, link, xattrs: [...xattrs] };
}

function compare(a: readonly string[], b: readonly string[]): number {
  for (const [index, name] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (name !== other) return Buffer.compare(Buffer.from(name), Buffer.from(other));
  }
  return a.length - b.length;
}
