import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dir, file } from '../erofs/layer.fixture.ts';
import { Fault } from '../errors/index.ts';
import { errnoOf } from '../host/index.ts';
import type { DiffId } from '../oci/index.ts';
import { skip, TestStore, type SnapshotterKind } from './store.fixture.ts';

/** What every snapshotter does, as containerd's snapshot suite has it, and what a chain of layers is. */
export function snapshotterSuite(kind: SnapshotterKind): void {
  const it = (title: string, body: (store: TestStore) => void): void => {
    test(`${kind}: ${title}`, { skip }, () => {
      using store = new TestStore(kind);
      body(store);
    });
  };

  it('a fresh root has mode 0755, whatever the umask', (store) => {
    store.view([], (path) => assert.equal(statSync(path).mode & 0o7777, 0o755));
    const { seen } = store.step([], () => undefined);
    assert.equal(seen.get('')?.mode, '755');
  });

  it('a child shows its parent, and its changes do not reach the parent', (store) => {
    const parent = store.step([], (path) => writeFileSync(join(path, 'a'), 'parent')).chain;
    const child = store.step(parent, (path) => {
      assert.equal(readFileSync(join(path, 'a'), 'utf8'), 'parent');
      writeFileSync(join(path, 'a'), 'child');
    }).chain;
    assert.equal(read(store, parent, 'a'), 'parent');
    assert.equal(read(store, child, 'a'), 'child');
  });

  it('a read-only view refuses writing', (store) => {
    const { chain } = store.step([], (path) => mkdirSync(join(path, 'd')));
    for (const each of [chain, []]) {
      store.view(each, (path) => {
        for (const write of [() => writeFileSync(join(path, 'x'), ''), () => chmodSync(path, 0o700)]) {
          assert.throws(write, (error) => errnoOf(error) === 'EROFS');
        }
      });
    }
  });

  it('one chain is in several views at once', (store) => {
    const { chain } = store.step([], (path) => writeFileSync(join(path, 'a'), 'a'));
    using first = store.areas.temporary('step');
    using one = store.snapshotter.writable(chain, first);
    writeFileSync(join(one.path, 'a'), 'changed');
    using second = store.areas.temporary('step');
    using two = store.snapshotter.writable(chain, second);
    assert.equal(readFileSync(join(two.path, 'a'), 'utf8'), 'a');
    assert.equal(read(store, chain, 'a'), 'a');
  });

  it('one work folder is in one view at a time', (store) => {
    using area = store.areas.temporary('step');
    using other = store.areas.temporary('step');
    const view = store.snapshotter.writable([], area);
    const again = { workDir: area.workDir, target: other.target };
    assert.throws(
      () => store.snapshotter.writable([], again),
      (error) => Fault.is(error, 'conflict'),
    );
    view[Symbol.dispose]();
    view[Symbol.dispose]();
    store.snapshotter.writable([], again)[Symbol.dispose]();
  });

  it('a work folder is mounted again with its changes, a volatile one too', (store) => {
    for (const volatile of [false, true]) {
      using area = store.areas.temporary('step');
      const options = { workDir: area.workDir, target: area.target, volatile };
      const first = store.snapshotter.writable([], options);
      writeFileSync(join(first.path, 'a'), 'kept');
      first[Symbol.dispose]();
      using second = store.snapshotter.writable([], options);
      assert.equal(readFileSync(join(second.path, 'a'), 'utf8'), 'kept');
    }
  });

  it('work folders of one implementation are work folders of the other', (store) => {
    using other = store.as(kind === 'erofs' ? 'directory' : 'erofs');
    const { chain } = store.step([], (path) => writeFileSync(join(path, 'a'), 'a'));
    using area = store.areas.temporary('step');
    {
      using view = store.snapshotter.writable(chain, area);
      rmSync(join(view.path, 'a'));
    }
    using view = other.writable(chain, area);
    assert.deepEqual(readdirSync(view.path), []);
    assert.deepEqual(other.changes(chain, area.workDir), [{ kind: 'deleted', path: '/a' }]);
  });

  it('a file update within one second, of the same size, is seen', (store) => {
    let chain: readonly DiffId[] = [];
    for (const content of ['1', '2', '3', '4', '5', '6']) {
      chain = store.step(chain, (path) => writeFileSync(join(path, 'a'), content)).chain;
      assert.equal(read(store, chain, 'a'), content);
    }
  });

  it('a directory removed and made again hides its old children, also under a third layer', (store) => {
    const first = store.step([], (path) => {
      mkdirSync(join(path, 'd'));
      writeFileSync(join(path, 'd/old'), '');
    });
    const second = store.step(first.chain, (path) => {
      rmSync(join(path, 'd'), { recursive: true });
      mkdirSync(join(path, 'd'));
    });
    const third = store.step(second.chain, (path) => writeFileSync(join(path, 'd/new'), ''));
    store.view(third.chain, (path) => assert.deepEqual(readdirSync(join(path, 'd')), ['new']));
  });

  it('what is deleted stays deleted in an empty grandchild', (store) => {
    const first = store.step([], (path) => writeFileSync(join(path, 'a'), ''));
    const second = store.step(first.chain, (path) => rmSync(join(path, 'a')));
    const third = store.step(second.chain, () => undefined);
    assert.equal(third.report.entryCount, 0);
    store.view(third.chain, (path) => assert.deepEqual(readdirSync(path), []));
  });

  it('a lower file linked and then removed has moved', (store) => {
    const first = store.step([], (path) => writeFileSync(join(path, 'a'), 'content'));
    const { chain } = store.step(first.chain, (path) => {
      linkSync(join(path, 'a'), join(path, 'b'));
      rmSync(join(path, 'a'));
    });
    store.view(chain, (path) => assert.deepEqual(readdirSync(path), ['b']));
  });

  it('only a change of owner or mode is kept, of files and directories', (store) => {
    const first = store.step([], (path) => {
      mkdirSync(join(path, 'd'));
      writeFileSync(join(path, 'f'), 'content');
    });
    const { seen, layer } = store.step(first.chain, (path) => {
      chmodSync(join(path, 'd'), 0o1700);
      chownSync(join(path, 'f'), 1234, 70_000);
    });
    assert.equal(seen.get('d')?.mode, '1700');
    assert.equal(seen.get('f')?.owner, '1234:70000');
    assert.deepEqual(store.paths(layer.diffId), ['d', 'f']);
  });

  it('the root is that of the highest layer that describes it', (store) => {
    const root = { mode: 0o1750, uid: 7, gid: 8, sec: 1_234_567_890, nsec: 5 };
    const described = store.put([dir('.', { ...root, xattrs: { 'user.x': 'y' } }), file('a')]);
    const bare = store.put([file('b')]);
    const { mode, owner, mtimeNs, xattrs } = store.look([described, bare]).get('') ?? {};
    assert.deepEqual(
      { mode, owner, mtimeNs, xattrs },
      { mode: '1750', owner: '7:8', mtimeNs: 1_234_567_890_000_000_005n, xattrs: { 'user.x': 'y' } },
    );
    const step = store.step([described, bare], () => undefined);
    assert.deepEqual([step.seen.get('')?.mode, step.seen.get('')?.owner], ['1750', '7:8']);
  });

  it('the parents of a changed entry are written with the metadata they have; / itself only when changed', (store) => {
    const base = [store.put([dir('a', { mode: 0o700, uid: 3 }), dir('a/b', { mode: 0o751 }), file('a/b/c')])];
    const child = store.step(base, (path) => writeFileSync(join(path, 'a/b/c'), 'changed'));
    const entries = store
      .entries(child.layer.diffId)
      .map(({ path, mode, uid }) => `${path} ${mode.toString(8)} ${uid}`);
    assert.deepEqual(entries, ['a 700 3', 'a/b 751 0', 'a/b/c 644 0']);
    const changed = store.step(child.chain, (path) => chmodSync(path, 0o711));
    assert.deepEqual(store.paths(changed.layer.diffId), ['.']);
    assert.equal(store.look(changed.chain).get('')?.mode, '711');
  });

  it('a layer without entries for its parent directories takes owner and mode from the layer below, whichever that is', (store) => {
    const upper = store.put([file('d/f', 'x')]);
    const one = store.put([dir('d', { mode: 0o700, uid: 1 })]);
    const two = store.put([dir('d', { mode: 0o750, uid: 2 })]);
    const shown = (chain: readonly DiffId[]): string => {
      const { mode, owner } = store.look(chain).get('d') ?? {};
      return `${mode} ${owner}`;
    };
    assert.deepEqual([[upper], [one, upper], [two, upper]].map(shown), ['755 0:0', '700 1:0', '750 2:0']);
    assert.equal(shown([one, upper]), '700 1:0');
  });

  it('a layer with deletions deletes on whatever chain it is', (store) => {
    const deleting = store.put([file('.wh.a'), file('new')]);
    const [one, two] = [store.put([file('a'), file('b')]), store.put([file('c')])];
    const names = (chain: readonly DiffId[]): readonly string[] => store.view(chain, (path) => readdirSync(path));
    assert.deepEqual(names([deleting]), ['new']);
    assert.deepEqual(names([one, deleting]), ['b', 'new']);
    assert.deepEqual(names([two, deleting]), ['c', 'new']);
  });

  it('a layer may be in a chain more than once', (store) => {
    const [empty, layer] = [store.put([]), store.put([dir('d'), file('d/a', 'layer')])];
    const other = store.put([dir('d'), file('d/a', 'other'), file('d/b')]);
    const chain = [empty, layer, other, empty, layer, empty];
    store.view(chain, (path) => assert.deepEqual(readdirSync(join(path, 'd')), ['a', 'b']));
    assert.equal(read(store, chain, 'd/a'), 'layer');
  });

  it('more layers than overlayfs stacks are refused, as many are mounted', (store) => {
    const chain = Array.from({ length: 500 }, (_, number) => store.put([file(`f${number}`)]));
    assert.throws(
      () => store.view(chain, () => undefined),
      (error) => Fault.is(error, 'unsupported') && error.hint !== undefined,
    );
    store.view(chain.slice(1), (path) => assert.equal(readdirSync(path).length, 499));
  });

  it('a missing layer is not found, and nothing is mounted', (store) => {
    using area = store.areas.temporary('view');
    const chain = [`sha256:${'0'.repeat(64)}` as DiffId];
    for (const mount of [
      () => store.snapshotter.view(chain, area.target),
      () => store.snapshotter.writable(chain, area),
    ]) {
      assert.throws(mount, (error) => Fault.is(error, 'not-found'));
    }
    assert.equal(store.areas.isMounted(area.id), false);
  });

  it('the layers stay byte for byte as they are, whatever is done in views', (store) => {
    const { chain } = store.step([], (path) => writeFileSync(join(path, 'a'), 'a'));
    for (let time = 0; time < 3; time += 1)
      store.step(chain, (path) => writeFileSync(join(path, 'a'), 'b'.repeat(time)));
    assert.ok(chain.every((diffId) => store.layers.verify(diffId)));
    for (const { path } of chain.map((diffId) => store.layers.tar(diffId))) {
      assert.equal(lstatSync(path).mode & 0o7777, 0o400);
    }
  });

  it('what is kept of deleted layers goes, and comes back with them', (store) => {
    const members = [dir('d'), file('d/f', 'content')];
    const diffId = store.put(members);
    assert.equal(read(store, [diffId], 'd/f'), 'content');
    store.layers.remove(diffId);
    store.snapshotter.forget([diffId]);
    assert.throws(
      () => store.look([diffId]),
      (error) => Fault.is(error, 'not-found'),
    );
    store.put(members);
    assert.equal(read(store, [diffId], 'd/f'), 'content');
  });

  it('a deleted directory keeps deleting while nothing of it is shown', (store) => {
    const base = store.put([dir('d'), dir('d/e'), file('d/e/f'), file('d/g')]);
    const { layer, chain } = store.step([base], (path) => rmSync(join(path, 'd'), { recursive: true }));
    assert.deepEqual(store.paths(layer.diffId), ['.wh.d']);
    store.view(chain, (path) => assert.deepEqual(readdirSync(path), []));
  });

  it('hard links are found across layers by one st_dev', (store) => {
    const base = store.put([file('a')]);
    const { chain } = store.step([base], (path) => mkdirSync(join(path, 'd')));
    store.view(chain, (path) => {
      assert.equal(statSync(join(path, 'a')).dev, statSync(join(path, 'd')).dev);
    });
  });

  it('a file renamed over a lower file, and a lower file renamed', (store) => {
    const base = store.put([file('a', 'a'), file('b', 'b')]);
    const { chain } = store.step([base], (path) => {
      writeFileSync(join(path, 'new'), 'new');
      renameSync(join(path, 'new'), join(path, 'a'));
      renameSync(join(path, 'b'), join(path, 'c'));
    });
    store.view(chain, (path) => assert.deepEqual(readdirSync(path), ['a', 'c']));
    assert.equal(read(store, chain, 'a'), 'new');
  });
}

function read(store: TestStore, chain: readonly DiffId[], name: string): string {
  return store.view(chain, (path) => readFileSync(join(path, name), 'latin1'));
}
