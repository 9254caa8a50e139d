import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dir, entryOf, file, link, makeTar, symlink } from '../erofs/layer.fixture.ts';
import { Fault } from '../errors/index.ts';
import { toDigest, type DiffId } from '../oci/index.ts';
import { bytesOf, type ByteString } from '../std/index.ts';
import type { OpenTree } from './index.ts';
import { holder, type TestLayers } from './store.fixture.ts';

/** What every layer store does. */
export function layerStoreSuite(open: () => TestLayers): void {
  const it = (title: string, body: (layers: TestLayers) => void): void => {
    test(title, () => {
      using layers = open();
      body(layers);
    });
  };
  const absent = `sha256:${'0'.repeat(64)}` as DiffId;

  it('a layer is its tar, named by its hash', ({ store }) => {
    const tar = Buffer.concat([makeTar([dir('d'), file('d/f', 'x')]), Buffer.from('what follows the end counts too')]);
    using writer = store.writer({ holder });
    for (let at = 0; at < tar.length; at += 100) writer.write(tar.subarray(at, at + 100));
    const info = writer.commit();
    assert.equal(info.diffId, `sha256:${createHash('sha256').update(tar).digest('hex')}`);
    assert.deepEqual([info.sizeBytes, info.entryCount], [tar.length, 2]);
    assert.deepEqual(readFileSync(store.tar(info.diffId).path), tar);
    assert.deepEqual([store.stat(info.diffId), store.list(), store.verify(info.diffId)], [info, [info], true]);
  });

  it('a large write is taken as it is', ({ store }) => {
    const tar = makeTar([file('f', Buffer.alloc(5 << 20, 1)), file('g', 'x')]);
    using writer = store.writer({ holder });
    writer.write(tar.subarray(0, 700));
    writer.write(tar.subarray(700, 4 << 20));
    writer.write(tar.subarray(4 << 20));
    assert.equal(store.verify(writer.commit().diffId), true);
  });

  it('what is not stored is not there', ({ store }) => {
    assert.equal(store.stat(absent), undefined);
    assert.equal(store.verify(absent), false);
    for (const use of [() => store.tar(absent), () => store.indexes([absent]), () => store.tree([absent])]) {
      assert.throws(use, (error) => Fault.is(error, 'not-found') && error.hint !== undefined);
    }
    store.remove(absent);
  });

  it('a layer that is not what was expected is refused, and nothing is stored', ({ store }) => {
    using writer = store.writer({ holder });
    writer.write(makeTar([file('f')]));
    assert.throws(
      () => writer.commit(absent),
      (error) => Fault.is(error, 'corrupt'),
    );
    assert.deepEqual(store.list(), []);
  });

  it('what is no tar, or cut off, or no layer, is refused, and nothing is stored', (layers) => {
    const refused: readonly (readonly [Uint8Array, string])[] = [
      [Buffer.alloc(2048, 'x'), 'invalid'],
      [makeTar([file('f', 'content')]).subarray(0, 515), 'corrupt'],
      [makeTar([file('.wh.')]), 'invalid'],
    ];
    for (const [tar, code] of refused) {
      assert.throws(
        () => layers.putTar(tar),
        (error) => Fault.is(error) && error.code === code,
      );
    }
    assert.throws(
      () => layers.put([link('l', 'nowhere')], []),
      (error) => Fault.is(error, 'invalid'),
    );
    assert.deepEqual([layers.store.list(), layers.names()], [[], []]);
  });

  it('a writer that is disposed of leaves nothing', (layers) => {
    {
      using writer = layers.store.writer({ holder });
      writer.write(makeTar([file('f')]));
    }
    assert.deepEqual([layers.store.list(), layers.names()], [[], []]);
  });

  it('two writers of the same bytes both succeed', ({ store }) => {
    const writers = [store.writer({ holder }), store.writer({ holder })];
    for (const writer of writers) writer.write(makeTar([file('f')]));
    const [one, two] = writers.map((writer) => writer.commit());
    for (const writer of writers) writer[Symbol.dispose]();
    assert.deepEqual(one, two);
    assert.equal(store.list().length, 1);
  });

  it('the lease is taken BEFORE the first existence check', ({ store }) => {
    const held: [string, boolean][] = [];
    const tar = makeTar([file('f')]);
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}` as DiffId;
    const watching = { add: (digest: string) => void held.push([digest, store.stat(diffId) !== undefined]) };
    assert.equal(store.hold(diffId, watching), false);
    using writer = store.writer({ holder: watching });
    writer.write(tar);
    writer.commit();
    assert.equal(store.hold(diffId, watching), true);
    assert.deepEqual(
      held,
      [false, false, true].map((was) => [toDigest(diffId), was]),
    );
  });

  it('the same entries give the same tar; times are not part of what a layer holds', ({ store }) => {
    const pack = (mode: number, sec: number): readonly string[] => {
      using packer = store.packer({ holder });
      packer.add(entryOf(dir('d')));
      packer.add(entryOf(file('d/f', 'content', { mode, sec })));
      packer.write(Buffer.from('con'));
      packer.write(Buffer.from('tent'));
      const { diffId, contentId } = packer.commit();
      return [diffId, contentId];
    };
    const [first, again, later, other] = [pack(0o644, 1), pack(0o644, 1), pack(0o644, 2), pack(0o600, 1)];
    assert.deepEqual(first, again);
    assert.notEqual(first[0], later[0]);
    assert.equal(first[1], later[1]);
    assert.notEqual(first[1], other[1]);
  });

  it('a known hash of the content stands for hashing it', ({ store }) => {
    const pack = (sha256?: string): string => {
      using packer = store.packer({ holder });
      packer.add(entryOf(file('f', 'content')), sha256);
      packer.write(Buffer.from('content'));
      return packer.commit().contentId;
    };
    assert.equal(pack(createHash('sha256').update('content').digest('hex')), pack());
  });

  it('a file that is longer or shorter than it was said to be is a conflict', ({ store }) => {
    for (const content of ['short', 'much too long']) {
      using packer = store.packer({ holder });
      packer.add(entryOf(file('f', 'content')));
      const write = (): void => {
        packer.write(Buffer.from(content));
        packer.commit();
      };
      assert.throws(write, (error) => Fault.is(error, 'conflict') && error.message.includes('f'));
    }
  });

  it('the merged tree of a chain is read without a mount', (layers) => {
    const base = layers.put([
      dir('d', { mode: 0o750, uid: 3 }),
      file('d/f', 'lower'),
      link('d/l', 'd/f'),
      symlink('s', 'd'),
      file('gone'),
    ]);
    const big = Buffer.alloc(3 << 20, 7);
    const top = layers.put([file('d/new', big), file('.wh.gone')], [base]);
    using tree = layers.store.tree([base, top]);
    assert.deepEqual(tree.list(bytesOf('')), ['d', 's']);
    assert.deepEqual(tree.list(bytesOf('s/')), []);
    assert.deepEqual(tree.list(bytesOf('d')), ['f', 'l', 'new']);
    assert.deepEqual([look(tree, 'd')?.mode, look(tree, 'd')?.uid, look(tree, 'gone')], [0o750, 3, undefined]);
    assert.deepEqual([look(tree, 's')?.link, look(tree, 's/f')?.size, look(tree, 'd/../s/./l')?.nlink], ['d', 5, 2]);
    assert.equal(look(tree, 'd/f')?.identity, look(tree, 's/l')?.identity);
    assert.notEqual(look(tree, 'd/f')?.identity, look(tree, 'd/new')?.identity);
    assert.deepEqual(content(tree, 'd/new'), big);
    assert.equal(content(tree, 's/f').toString(), 'lower');
    assert.throws(
      () => content(tree, 'd'),
      (error) => Fault.is(error, 'not-found'),
    );
  });

  it('an empty chain is an empty root of mode 0755', ({ store }) => {
    using tree = store.tree([]);
    assert.deepEqual(
      [tree.root.mode, tree.root.type, tree.list(bytesOf('')), tree.merged],
      [0o755, 'dir', [], undefined],
    );
    assert.deepEqual(store.indexes([]), []);
  });

  it('a self-contained layer has one index, any other one for each chain, one of a single layer too', (layers) => {
    const { store } = layers;
    const [one, two] = [layers.put([dir('d', { uid: 1 })]), layers.put([dir('d', { uid: 2 })])];
    const needing = layers.put([file('d/f')]);
    const chains = [[needing], [one, needing], [two, needing]];
    const paths = chains.map((chain) => store.indexes(chain).at(-1)?.path);
    assert.equal(new Set(paths).size, 3);
    assert.equal(store.indexes([one, two])[1]?.path, store.indexes([two])[0]?.path);
    const owners = chains.map((chain) => {
      using tree = store.tree(chain);
      return look(tree, 'd')?.uid;
    });
    assert.deepEqual(owners, [0, 1, 2]);
  });

  it('a link to a file of a lower layer carries the data: the index names both tars', (layers) => {
    const base = layers.put([file('f', 'lower content')]);
    const top = layers.put([link('l', 'f')], [base]);
    const { devices } = layers.store.indexes([base, top])[1] ?? { devices: [] };
    assert.deepEqual(
      devices,
      [top, base].map((diffId) => layers.store.tar(diffId).path),
    );
    using tree = layers.store.tree([base, top]);
    assert.equal(content(tree, 'l').toString(), 'lower content');
  });

  it('a removed layer is gone with all indexes that point into it, and may come back', (layers) => {
    const members = [file('f', 'lower content')];
    const base = layers.put(members);
    const top = layers.put([link('l', 'f')], [base]);
    layers.store.indexes([base, top]);
    layers.store.remove(base);
    assert.equal(layers.store.stat(base), undefined);
    assert.deepEqual(layers.names(), [`${top.slice(7)}.tar`]);
    layers.put(members);
    using tree = layers.store.tree([base, top]);
    assert.equal(content(tree, 'l').toString(), 'lower content');
  });
}

function look(tree: OpenTree, path: string): ReturnType<OpenTree['lookup']> {
  return tree.lookup(path as ByteString);
}

function content(tree: OpenTree, path: string): Buffer {
  return Buffer.concat([...tree.read(path as ByteString)].map((piece) => Buffer.from(piece)));
}
