import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { dir, file, type Member } from '../erofs/layer.fixture.ts';
import { Fault } from '../errors/index.ts';
import { Tree } from '../host/index.ts';
import { bytesOf, type ByteString } from '../std/index.ts';
import { skip, TestStore, type SnapshotterKind, type Step } from './store.fixture.ts';

/** What a layer keeps of each kind of file, and what it cannot hold. Each `step` also compares, as in `packChangesSuite`. */
export function packedEntriesSuite(kind: SnapshotterKind): void {
  const it = (title: string, body: (store: TestStore) => void | Promise<void>): void => {
    test(`${kind}: ${title}`, { skip }, async () => {
      using store = new TestStore(kind);
      await body(store);
    });
  };
  it('sockets are skipped and counted, and what they took the place of is gone', async (store) => {
    const { report, layer } = await withSocket((listen) =>
      changing(store, [file('taken')], (path) => {
        rmSync(join(path, 'taken'));
        listen(join(path, 'taken'));
        listen(join(path, 'other'));
      }),
    );
    assert.equal(report.skippedSockets, 2);
    assert.deepEqual(store.paths(layer.diffId), ['.wh.taken']);
  });

  it('FIFOs are kept and never opened; devices keep their numbers', (store) => {
    const { seen } = changing(store, [], (path) => {
      using tree = Tree.open(path);
      tree.mknod(bytesOf('fifo'), { type: 'fifo' });
      tree.mknod(bytesOf('char'), { type: 'char', major: 4095, minor: 1_000_000 });
      tree.mknod(bytesOf('block'), { type: 'block', major: 8, minor: 1 });
    });
    assert.deepEqual(
      ['fifo', 'char', 'block'].map((name) => seen.get(name)?.type),
      ['fifo', 'char', 'block'],
    );
  });

  it('a user file called .wh.* cannot be stored: it is named', (store) => {
    for (const name of ['.wh.x', '.wh.', '.wh..wh..opq']) {
      const change = (path: string): void => {
        mkdirSync(join(path, 'd'));
        writeFileSync(join(path, 'd', name), '');
      };
      assert.throws(
        () => store.step([], change),
        (error) => Fault.is(error, 'invalid') && error.message.includes(`/d/${name}`) && error.hint !== undefined,
      );
    }
  });

  it('sparse files are dense in the tar; one that grows more than a hundred times is named', (store) => {
    const { report, layer, chain } = changing(store, [], (path) => {
      sparse(join(path, 'huge'), 80 << 20);
      sparse(join(path, 'small'), 1 << 20);
    });
    assert.deepEqual(
      report.inflated.map(({ path, sizeBytes }) => [path, sizeBytes]),
      [['/huge', 80 << 20]],
    );
    assert.ok(layer.sizeBytes > 81 << 20);
    assert.equal(store.look(chain).get('small')?.size, 1 << 20);
  });

  it('attributes are kept byte for byte: user.*, trusted.*, security.capability', (store) => {
    const version2 = '\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00' as ByteString;
    const { seen, layer } = changing(store, [], (path) => {
      writeFileSync(join(path, 'f'), '');
      using tree = Tree.open(path);
      tree.setXattr(bytesOf('f'), bytesOf('user.x'), '\x00\xff=\n' as ByteString);
      tree.setXattr(bytesOf('f'), bytesOf('security.capability'), version2);
      tree.setXattr(bytesOf('f'), bytesOf('trusted.x'), bytesOf('kept'));
    });
    assert.deepEqual(seen.get('f')?.xattrs, {
      'security.capability': version2,
      'trusted.x': 'kept',
      'user.x': '\x00\xff=\n',
    });
    assert.deepEqual(
      [...(store.entries(layer.diffId)[0]?.xattrs.keys() ?? [])],
      ['security.capability', 'trusted.x', 'user.x'],
    );
  });

  it('security.capability v3 with a rootid becomes v2, security.selinux is dropped', (store) => {
    const permitted = '\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00';
    const change = (path: string): void => {
      writeFileSync(join(path, 'f'), '');
      using tree = Tree.open(path);
      const version3 = `\x01\x00\x00\x03${permitted}\xe8\x03\x00\x00` as ByteString;
      tree.setXattr(bytesOf('f'), bytesOf('security.capability'), version3);
      tree.setXattr(bytesOf('f'), bytesOf('security.selinux'), bytesOf('label'));
    };
    const { layer, chain } = store.step([], change, { compare: false });
    const kept = new Map([['security.capability', `\x01\x00\x00\x02${permitted}`]]);
    assert.deepEqual(store.entries(layer.diffId)[0]?.xattrs, kept);
    assert.deepEqual(store.look(chain).get('f')?.xattrs, Object.fromEntries(kept));
  });

  it('a change of attributes alone is a change, their removal too', (store) => {
    const first = changing(store, [file('f')], (path) => {
      using tree = Tree.open(path);
      tree.setXattr(bytesOf('f'), bytesOf('user.x'), bytesOf('y'));
    });
    const second = store.step(first.chain, (path) => {
      using tree = Tree.open(path);
      tree.removeXattr(bytesOf('f'), bytesOf('user.x'));
    });
    assert.deepEqual(
      [first, second].map(({ layer }) => store.paths(layer.diffId)),
      [['f'], ['f']],
    );
  });

  it('overlay attributes never reach a tar; a redirect is refused', (store) => {
    const { chain, layer } = changing(store, [dir('d'), file('d/f')], (path) => {
      rmSync(join(path, 'd'), { recursive: true });
      mkdirSync(join(path, 'd'));
    });
    assert.ok(store.entries(layer.diffId).every(({ xattrs }) => xattrs.size === 0));
    using area = store.areas.temporary('step');
    store.snapshotter.writable(chain, area)[Symbol.dispose]();
    mkdirSync(join(area.workDir, 'upper/d'));
    using upper = Tree.open(join(area.workDir, 'upper'));
    upper.setXattr(bytesOf('d'), bytesOf('trusted.overlay.redirect'), bytesOf('e'));
    assert.throws(
      () => store.snapshotter.changes(chain, area.workDir),
      (error) => Fault.is(error, 'unsupported') && error.message.includes('trusted.overlay.redirect'),
    );
  });

  it('names are bytes: one that is not UTF-8 survives', (store) => {
    const name = Buffer.from('caf\xe9-\xff', 'latin1');
    const { seen, changes } = changing(store, [], (path) =>
      writeFileSync(Buffer.concat([Buffer.from(`${path}/`), name]), ''),
    );
    assert.ok(seen.has('caf\xe9-\xff'));
    assert.deepEqual(changes, [{ kind: 'added', path: '/caf\xe9-\xff' }]);
  });

  it('mode bits, owners and times are kept: setuid, ids above 2^17, nanoseconds, before 1970', (store) => {
    const { seen } = changing(store, [], (path) => {
      writeFileSync(join(path, 'f'), '');
      using tree = Tree.open(path);
      chownSync(join(path, 'f'), 200_000, 4_000_000_000);
      chmodSync(join(path, 'f'), 0o6755);
      tree.setTimes(bytesOf('f'), { sec: -2, nsec: 1 });
    });
    const { mode, owner, mtimeNs } = seen.get('f') ?? {};
    assert.deepEqual({ mode, owner, mtimeNs }, { mode: '6755', owner: '200000:4000000000', mtimeNs: -1_999_999_999n });
  });
}

function changing(store: TestStore, members: readonly Member[], change: (path: string) => void): Step {
  return store.step([store.put(members)], change);
}

function sparse(path: string, sizeBytes: number): void {
  const fd = openSync(path, 'w');
  writeSync(fd, 'begin');
  ftruncateSync(fd, sizeBytes);
  writeSync(fd, 'end', sizeBytes - 3);
  closeSync(fd);
}

/** Sockets stay in a tree after their servers are gone, unless node removes them: it is told another name. */
async function withSocket<T>(body: (listen: (path: string) => void) => T): Promise<T> {
  const folder = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  const server = createServer();
  const socket = join(folder, 'socket');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    return body((path) => void execFileSync('cp', ['-a', socket, path]));
  } finally {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  }
}
