import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dir, file, link, symlink, type Member } from '../erofs/layer.fixture.ts';
import { Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import { randomDraws, type Draw } from '../std/random-numbers.fixture.ts';
import { skip, TestStore, type SnapshotterKind, type Step } from './store.fixture.ts';

/**
 * What becomes of changes when they are packed as a layer. Each `step` of the store also compares: the new chain shows
 * exactly what the writable view showed.
 */
export function packChangesSuite(kind: SnapshotterKind): void {
  const it = (title: string, body: (store: TestStore) => void | Promise<void>): void => {
    test(`${kind}: ${title}`, { skip }, async () => {
      using store = new TestStore(kind);
      await body(store);
    });
  };
  it('copied-up but unchanged is not written: type, mode, owner, size and time are as they were', (store) => {
    const base = [
      dir('d', { sec: 5 }),
      file('d/f', 'content', { sec: 5, nsec: 7 }),
      file('whole', 'x'),
      symlink('s', 'f'),
    ];
    const { layer, changes } = changing(store, base, (path) => {
      closeSync(openSync(join(path, 'd/f'), 'r+'));
      closeSync(openSync(join(path, 'whole'), 'r+'));
      chmodSync(join(path, 'd'), 0o755);
      execFileSync('chown', ['-h', '0:0', join(path, 's')]);
    });
    assert.deepEqual(store.paths(layer.diffId), []);
    assert.deepEqual(changes, []);
  });

  it('content is compared where the times cannot tell', (store) => {
    const { layer } = changing(store, [file('a', 'one'), file('b', 'one')], (path) => {
      using tree = Tree.open(path);
      for (const [name, content] of [
        ['a', 'one'],
        ['b', 'two'],
      ] as const) {
        writeFileSync(join(path, name), content);
        tree.setTimes(bytesOf(name), { sec: 0, nsec: 0 });
      }
    });
    assert.deepEqual(store.paths(layer.diffId), ['b']);
  });

  it('opaque does not mean deleted: what is gone is named by explicit whiteouts', (store) => {
    const base = [dir('d'), file('d/a'), file('d/b'), dir('d/sub'), file('d/sub/x'), file('d/sub/y')];
    const { layer, changes } = changing(store, base, (path) => {
      rmSync(join(path, 'd'), { recursive: true });
      mkdirSync(join(path, 'd/sub'), { recursive: true });
      writeFileSync(join(path, 'd/b'), 'new');
      writeFileSync(join(path, 'd/sub/y'), 'new');
    });
    assert.deepEqual(store.paths(layer.diffId).toSorted(), ['d', 'd/.wh.a', 'd/b', 'd/sub', 'd/sub/.wh.x', 'd/sub/y']);
    assert.deepEqual(
      changes.filter((change) => change.kind === 'deleted').map(({ path }) => path),
      ['/d/a', '/d/sub/x'],
    );
  });

  it('a whiteout is written only for a name that exists below; mtime 0, uid and gid 0', (store) => {
    const { layer } = changing(store, [file('a'), dir('d'), file('d/b')], (path) => {
      for (const name of ['a', 'd/b']) rmSync(join(path, name));
      writeFileSync(join(path, 'never'), '');
      rmSync(join(path, 'never'));
    });
    const entries = store.entries(layer.diffId).filter(({ path }) => path.includes('.wh.'));
    assert.deepEqual(
      entries.map(({ path, type, size, uid, gid, mtime }) => ({ path, type, size, uid, gid, mtime })),
      ['.wh.a', 'd/.wh.b'].map((path) => ({ path, type: 'file', size: 0, uid: 0, gid: 0, mtime: { sec: 0, nsec: 0 } })),
    );
  });

  for (const [when, change] of [
    ['unchanged', () => undefined],
    ['changed', (path: string) => writeFileSync(path, 'new')],
  ] as const) {
    for (const [where, name] of [
      ['before', 'a'],
      ['after', 'z'],
    ] as const) {
      it(`a new hard link to an ${when} file, sorting ${where} its target, stays a hard link`, (store) => {
        const { layer, chain } = changing(store, [file('m', 'content')], (path) => {
          linkSync(join(path, 'm'), join(path, name));
          change(join(path, 'm'));
        });
        const types = store.entries(layer.diffId).map((entry) => entry.type);
        assert.deepEqual(types, ['file', 'link']);
        const seen = store.look(chain);
        assert.equal(seen.get('m')?.same, seen.get(name)?.same);
      });
    }
  }

  it('hard links in directories of their own are led to', (store) => {
    const { layer } = changing(store, [dir('a'), file('a/m', 'content'), dir('b')], (path) => {
      mkdirSync(join(path, 'b/c'));
      linkSync(join(path, 'a/m'), join(path, 'b/c/l'));
    });
    const entries = store.entries(layer.diffId).map(({ path, type, link: target }) => `${path} ${type} ${target}`);
    assert.deepEqual(entries, ['b dir ', 'b/c dir ', 'b/c/l file ', 'a dir ', 'a/m link b/c/l']);
  });

  it('a link to a symlink links the symlink', (store) => {
    const { seen } = changing(store, [symlink('s', 'nowhere')], (path) => linkSync(join(path, 's'), join(path, 't')));
    assert.equal(seen.get('t')?.link, 'nowhere');
  });

  it('only directory over directory merges; any other pair replaces', (store) => {
    const make: Readonly<Record<string, (path: string) => void>> = {
      file: (path) => writeFileSync(path, 'file'),
      dir: (path) => {
        mkdirSync(path);
        writeFileSync(join(path, 'inside'), '');
      },
      link: (path) => symlinkSync('inside', path),
    };
    const pairs = Object.keys(make).flatMap((before) => Object.keys(make).map((after) => [before, after] as const));
    const first = store.step([], (path) => {
      for (const [before, after] of pairs) make[before]?.(join(path, `${before}-${after}`));
    });
    store.step(first.chain, (path) => {
      for (const [before, after] of pairs) {
        rmSync(join(path, `${before}-${after}`), { recursive: true });
        make[after]?.(join(path, `${before}-${after}`));
      }
    });
  });

  it('a whiteout never stands inside a new directory', (store) => {
    const { chain } = changing(store, [dir('d'), file('d/a')], (path) => {
      rmSync(join(path, 'd'), { recursive: true });
      mkdirSync(join(path, 'd'));
      writeFileSync(join(path, 'd/a'), '');
      rmSync(join(path, 'd/a'));
    });
    store.view(chain, (path) => assert.deepEqual(readdirSync(join(path, 'd')), []));
  });

  it('children added below directories of any mode leave the modes as they are', (store) => {
    const modes = [0o700, 0o751, 0o777, 0o1777, 0o2755];
    const base = modes.map((mode) => dir(`d${mode.toString(8)}`, { mode }));
    const { seen } = changing(store, base, (path) => {
      for (const mode of modes) writeFileSync(join(path, `d${mode.toString(8)}/f`), '');
    });
    for (const mode of modes) assert.equal(seen.get(`d${mode.toString(8)}`)?.mode, mode.toString(8));
  });

  it('changes are listed as Docker lists them', (store) => {
    const base = [dir('a'), dir('a/b'), file('a/b/c'), dir('gone'), file('gone/x'), file('l', 'x'), link('l2', 'l')];
    const { changes } = changing(store, base, (path) => {
      writeFileSync(join(path, 'a/b/new'), '');
      rmSync(join(path, 'a/b/c'));
      rmSync(join(path, 'gone'), { recursive: true });
      chmodSync(join(path, 'l'), 0o600);
    });
    const letters = { added: 'A', changed: 'C', deleted: 'D' } as const;
    assert.deepEqual(
      changes.map(({ kind: change, path }) => `${letters[change]} ${path}`),
      ['C /a', 'C /a/b', 'D /a/b/c', 'A /a/b/new', 'D /gone', 'C /l'],
    );
  });

  it('the same changes give the same layer, and another time of it the same content', (store) => {
    const base = store.put([dir('d')]);
    const [one, again, later] = [1, 1, 2].map((sec) => store.step([base], (path) => makeAt(path, sec)).layer);
    assert.deepEqual(one, again);
    assert.notEqual(one?.diffId, later?.diffId);
    assert.equal(one?.contentId, later?.contentId);
  });

  it('random changes over several layers are shown by the layers as they were in the views', (store) => {
    const next = randomDraws(kind.length);
    let chain = [
      store.put([dir('a'), dir('b'), file('a/x', 'x'), link('b/x', 'a/x'), symlink('c', 'a')]),
    ] as Step['chain'];
    for (let round = 0; round < 12; round += 1) {
      const change = (path: string): void => {
        for (let operation = 0; operation < 12; operation += 1) randomChange(path, next);
      };
      chain = store.step(chain, change, { parted: true }).chain;
    }
  });
}

function changing(store: TestStore, members: readonly Member[], change: (path: string) => void): Step {
  return store.step([store.put(members)], change);
}

/** A few kinds of change to a few names, so that they meet; those that cannot be are left out. */
function randomChange(root: string, next: Draw): void {
  const name = (): string => join(root, Array.from({ length: 1 + next(3) }, () => 'abx'[next(3)]).join('/'));
  const changes: readonly (() => void)[] = [
    () => writeFileSync(name(), String(next(100))),
    () => mkdirSync(name(), { recursive: true }),
    () => rmSync(name(), { recursive: true }),
    () => rmSync(name(), { recursive: true }),
    () => linkSync(name(), name()),
    () => symlinkSync('a', name()),
    () => chmodSync(name(), 0o600 + next(0o100)),
    () => renameSync(name(), name()),
  ];
  try {
    changes[next(changes.length)]?.();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}

function makeAt(root: string, sec: number): void {
  writeFileSync(join(root, 'd/f'), 'content');
  using tree = Tree.open(root);
  for (const name of ['d/f', 'd']) tree.setTimes(bytesOf(name), { sec, nsec: 0 });
}
