import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { TestCacheMounts } from './cache-mounts.fixture.ts';
import type { CacheMount, CacheMountFill, CacheMountRequest, CacheMountUse } from './index.ts';

const { signal } = new AbortController();
const skip = process.getuid?.() === 0 ? false : 'owners of folders need root';

function request(given: Partial<CacheMountRequest> = {}): CacheMountRequest {
  return { id: '/root/.cache', sharing: 'shared', signal, ...given };
}

test('what a step leaves in a cache is there for the next, in whatever process', { skip }, async () => {
  using test = new TestCacheMounts();
  const { mounts } = test;
  {
    using use = await mounts.acquire(request());
    assert.deepEqual([use.isNew, readdirSync(use.path)], [true, []]);
    writeFileSync(join(use.path, 'kept'), 'x');
  }
  await using child = test.process(`
    const use = await mounts.acquire({ id: '/root/.cache', sharing: 'locked', signal });
    say(use.isNew + ' ' + use.path);
    writeFileSync(use.path + '/other', '');
    use[Symbol.dispose]();`);
  const [isNew, path] = (await child.line())?.split(' ') ?? [];
  assert.equal(isNew, 'false');
  assert.equal(await child.ended(), 0);
  using use = await mounts.acquire(request());
  assert.equal(use.path, path);
  assert.deepEqual(readdirSync(use.path), ['kept', 'other']);
});

test(
  'a fresh folder has the owner and mode that were asked for; others of its id are other caches',
  { skip },
  async () => {
    using test = new TestCacheMounts();
    const { mounts } = test;
    using plain = await mounts.acquire(request());
    using owned = await mounts.acquire(request({ uid: 1000, gid: 7, mode: 0o1770 }));
    using seeded = await mounts.acquire(request({ scope: 'sha256:abc' }));
    const facts = [plain, owned, seeded].map(({ path }) => {
      const { uid, gid, mode } = lstatSync(path);
      return [uid, gid, mode & 0o7777];
    });
    assert.deepEqual(facts, [
      [0, 0, 0o755],
      [1000, 7, 0o1770],
      [0, 0, 0o755],
    ]);
    assert.equal(new Set([plain, owned, seeded].map(({ key }) => key)).size, 3);
    using again = await mounts.acquire(request({ uid: 0, gid: 0, mode: 0o755 }));
    assert.equal(again.path, plain.path);
  },
);

test('shared: all at once have one folder; private: one for each, kept and given again', { skip }, async () => {
  using test = new TestCacheMounts();
  const { mounts } = test;
  const paths: string[] = [];
  {
    using first = await mounts.acquire(request());
    using second = await mounts.acquire(request());
    assert.deepEqual([second.path, second.isNew], [first.path, false]);
    using own = await mounts.acquire(request({ sharing: 'private' }));
    using other = await mounts.acquire(request({ sharing: 'private' }));
    assert.deepEqual([own.isNew, other.isNew], [true, true]);
    paths.push(first.path, own.path, other.path);
    assert.equal(new Set(paths).size, 3);
  }
  using again = await mounts.acquire(request({ sharing: 'private' }));
  using next = await mounts.acquire(request({ sharing: 'private' }));
  assert.deepEqual([again.path, next.path, again.isNew, next.isNew], [paths[0], paths[1], false, false]);
  const [cache] = await mounts.list();
  assert.deepEqual([cache?.folders, cache?.uses, cache?.isInUse, cache?.sharing], [paths, 6, true, 'private']);
});

test(
  'locked: the next waits for the one that has it, in another process too, and can be cancelled',
  { skip },
  async () => {
    using test = new TestCacheMounts();
    const { mounts } = test;
    const held = await mounts.acquire(request({ sharing: 'locked' }));
    const stop = new AbortController();
    const waiting = mounts.acquire(request({ sharing: 'locked', signal: stop.signal }));
    stop.abort();
    await assert.rejects(waiting, (error) => Fault.is(error, 'cancelled'));
    await using child = test.process(`
    say('waits');
    const use = await mounts.acquire({ id: '/root/.cache', sharing: 'locked', signal });
    say(use.path);
    await forever();`);
    assert.equal(await child.line(), 'waits');
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    assert.equal(await child.line(), held.path);
  },
);

test('the cache of an owner that was killed is free, with what it left there', { skip }, async () => {
  using test = new TestCacheMounts();
  await using child = test.process(`
    const use = await mounts.acquire({ id: '/root/.cache', sharing: 'locked', signal });
    writeFileSync(use.path + '/left', '');
    say('has it');
    await forever();`);
  assert.equal(await child.line(), 'has it');
  assert.equal((await test.mounts.list())[0]?.isInUse, true);
  await child.kill();
  using use = await test.mounts.acquire(request({ sharing: 'locked' }));
  assert.deepEqual([use.isNew, readdirSync(use.path)], [false, ['left']]);
});

test('a folder that was not yet filled is never given to anybody', { skip }, async () => {
  using test = new TestCacheMounts();
  const fill = `fill: async (tree) => { tree.writeFile('half', new Uint8Array()); say('half'); await forever(); }`;
  await using child = test.process(`await mounts.acquire({ id: '/root/.cache', sharing: 'shared', signal, ${fill} })`);
  assert.equal(await child.line(), 'half');
  const others = mounts(test, 3);
  await child.kill();
  const uses = await others;
  assert.deepEqual(
    uses.map(({ path }) => readdirSync(path)),
    [['whole'], ['whole'], ['whole']],
  );
  assert.equal(uses.filter(({ isNew }) => isNew).length, 1);
  assert.equal(new Set(uses.map(({ path }) => path)).size, 1);
  for (const use of uses) use[Symbol.dispose]();
  assert.deepEqual(await test.mounts.check(), []);
});

function mounts({ mounts: all }: TestCacheMounts, count: number): Promise<CacheMountUse[]> {
  return Promise.all(Array.from({ length: count }, () => all.acquire(request({ fill: fillWhole }))));
}

const fillWhole: CacheMountFill = (tree) => tree.writeFile(bytesOf('whole'), new Uint8Array());

test('a failure to fill leaves nothing, and the seed is asked for once', { skip }, async () => {
  using test = new TestCacheMounts();
  let calls = 0;
  const fill: CacheMountRequest['fill'] = (tree) => {
    calls += 1;
    tree.writeFile(bytesOf('seed'), bytesOfText('x'));
    if (calls === 1) throw new Fault('unavailable', 'the seed is gone');
  };
  await assert.rejects(test.mounts.acquire(request({ fill })), /the seed is gone/);
  assert.deepEqual([await test.mounts.list(), readdirSync(join(test.root, 'mounts'))], [[], []]);
  for (const isNew of [true, false]) {
    using use = await test.mounts.acquire(request({ fill }));
    assert.deepEqual([use.isNew, readdirSync(use.path)], [isNew, ['seed']]);
  }
  assert.equal(calls, 2);
});

function bytesOfText(text: string): Uint8Array {
  return Buffer.from(text);
}

test('never outside the root: a cache id is no path, whatever stands in it', { skip }, async () => {
  using test = new TestCacheMounts();
  const ids = ['../../../etc', '/', '.', '..', 'a/../../b', 'x\0y', '-rf', 'ü\ud800', 'n'.repeat(4096), '\u001b[2J\n'];
  for (const id of ids) {
    using use = await test.mounts.acquire(request({ id }));
    assert.equal(dirname(dirname(use.path)), join(test.root, 'mounts'));
    assert.match(basename(dirname(use.path)), /^[0-9a-f]{32}$/);
  }
  assert.equal((await test.mounts.list()).length, ids.length);
  for (const id of ['', 'n'.repeat(4097)]) {
    await assert.rejects(test.mounts.acquire(request({ id })), (error) => Fault.is(error, 'invalid'));
  }
  assert.equal(await test.mounts.remove('../names'), false);
});

test('a cache is found by its id, or by the beginning of its key', { skip }, async () => {
  using test = new TestCacheMounts();
  const { mounts: all } = test;
  using one = await all.acquire(request({ id: 'one' }));
  using _other = await all.acquire(request({ id: 'one', scope: 'seed' }));
  using _two = await all.acquire(request({ id: 'two' }));
  assert.equal((await all.find('two')).id, 'two');
  assert.equal((await all.find(one.key.slice(0, 12))).key, one.key);
  await assert.rejects(
    all.find('one'),
    (error) => Fault.is(error, 'conflict') && error.message.includes(one.key.slice(0, 12)),
  );
  for (const name of ['three', one.key.slice(0, 3), '']) {
    await assert.rejects(all.find(name), (error) => Fault.is(error, 'not-found'));
  }
});

test('a cache in use is not removed; else it goes with all its folders', { skip }, async () => {
  using test = new TestCacheMounts();
  const { mounts: all } = test;
  const first = await all.acquire(request());
  using second = await all.acquire(request({ sharing: 'private' }));
  first[Symbol.dispose]();
  await assert.rejects(all.remove(first.key), (error) => Fault.is(error, 'conflict'));
  second[Symbol.dispose]();
  assert.deepEqual([await all.remove(first.key), await all.remove(first.key)], [true, false]);
  assert.deepEqual([await all.list(), readdirSync(join(test.root, 'mounts'))], [[], []]);
  assert.deepEqual(readdirSync(join(test.root, 'trash')), []);
});

test('a replacement counts as a whole, and not while a step has the old content', { skip }, async () => {
  using test = new TestCacheMounts();
  const { mounts: all } = test;
  const use = await all.acquire(request());
  writeFileSync(join(use.path, 'old'), '');
  const replaceWith = (name: string): Promise<unknown> =>
    all.replace({ id: '/root/.cache' }, (tree) => tree.writeFile(bytesOf(name), new Uint8Array()), signal);
  await assert.rejects(replaceWith('new'), (error) => Fault.is(error, 'conflict'));
  use[Symbol.dispose]();
  assert.deepEqual(readdirSync(use.path), ['old']);
  const failing = all.replace(
    { id: '/root/.cache' },
    () => {
      throw new Fault('corrupt', 'no tar');
    },
    signal,
  );
  await assert.rejects(failing, /no tar/);
  assert.deepEqual(readdirSync(use.path), ['old']);
  await replaceWith('new');
  assert.deepEqual(readdirSync(use.path), ['new']);
  await all.replace({ id: 'fresh' }, () => undefined, signal);
  assert.deepEqual(
    (await all.list()).map(({ id, uses, isInUse }) => [id, uses, isInUse]),
    [
      ['/root/.cache', 1, false],
      ['fresh', 0, false],
    ],
  );
  assert.deepEqual(await all.check(), []);
});

test('a replacement that a dead process did not put in place is put there by the next', { skip }, async () => {
  using test = new TestCacheMounts();
  const use = await test.mounts.acquire(request());
  use[Symbol.dispose]();
  writeFileSync(join(use.path, 'old'), '');
  mkdirSync(join(dirname(use.path), 'next'));
  writeFileSync(join(dirname(use.path), 'next', 'new'), '');
  assert.equal((await test.mounts.list()).length, 1);
  assert.deepEqual(readdirSync(use.path), ['new']);
});

test("a replacement is made by one at a time, and one that was killed at it is in nobody's way", { skip }, async () => {
  using test = new TestCacheMounts();
  const fill = `async (tree) => { tree.writeFile('half', new Uint8Array()); say('half'); await forever(); }`;
  await using child = test.process(`await mounts.replace({ id: 'a' }, ${fill}, signal)`);
  assert.equal(await child.line(), 'half');
  const replace = (): Promise<CacheMount> => test.mounts.replace({ id: 'a' }, fillWhole, signal);
  await assert.rejects(replace(), (error) => Fault.is(error, 'conflict'));
  await child.kill();
  const [problem, ...others] = await test.mounts.check();
  assert.deepEqual([problem?.kind, others], ['left-over', []]);
  const { folders } = await replace();
  assert.deepEqual(
    folders.map((path) => readdirSync(path)),
    [['whole']],
  );
  assert.deepEqual(await test.mounts.check(), []);
});

test(
  'reading goes on beside steps that share, and not beside one that has the cache for itself',
  { skip },
  async () => {
    using test = new TestCacheMounts();
    const { mounts: all } = test;
    const use = await all.acquire(request());
    writeFileSync(join(use.path, 'file'), '');
    const names = await all.read(use.key, async (tree) => {
      await assert.rejects(all.remove(use.key), (error) => Fault.is(error, 'conflict'));
      using shared = await all.acquire(request());
      assert.equal(shared.path, use.path);
      return tree.list(bytesOf(''));
    });
    assert.deepEqual(names, ['file']);
    use[Symbol.dispose]();
    using _locked = await all.acquire(request({ sharing: 'locked' }));
    await assert.rejects(
      all.read(use.key, async () => undefined),
      (error) => Fault.is(error, 'conflict'),
    );
  },
);

test(
  'the list is rebuilt from the disk, and what dead owners left half done is found and cleared',
  { skip },
  async () => {
    using test = new TestCacheMounts();
    const { mounts: all, state } = test;
    for (const id of ['lost', 'damaged', 'gone', 'half']) (await all.acquire(request({ id })))[Symbol.dispose]();
    const [damaged, gone, half, lost] = await all.list();
    state.cacheMounts.delete(lost?.key ?? '');
    writeFileSync(join(folderOf(damaged?.folders[0]), 'cache.json'), '{"id":');
    renameSync(folderOf(gone?.folders[0]), join(test.root, 'elsewhere'));
    mkdirSync(join(folderOf(half?.folders[0]), '1.filling'));
    mkdirSync(join(folderOf(half?.folders[0]), 'import'));
    mkdirSync(join(test.root, 'mounts', 'stranger'));
    writeFileSync(join(test.root, 'mounts', 'file'), '');
    const problems = await all.check();
    const texts = problems.map(({ kind, message }) => `${kind}: ${message}`);
    assert.deepEqual(texts.toSorted(), [
      'error: cache mount damaged: its file is damaged',
      'error: cache mount gone: it is in the database and not on the disk',
      'error: cache mount lost: it is on the disk and not in the database',
      'left-over: cache mount file: it was never filled',
      'left-over: cache mount half: a folder that a dead process did not fill',
      'left-over: cache mount half: a folder that a dead process did not fill',
      'left-over: cache mount stranger: it was never filled',
    ]);
    for (const each of problems) await each.repair();
    assert.deepEqual(await all.check(), []);
    assert.deepEqual(
      (await all.list()).map(({ id }) => id),
      ['damaged', 'half', 'lost'],
    );
    assert.match(readFileSync(join(folderOf(damaged?.folders[0]), 'cache.json'), 'utf8'), /"id": "damaged"/);
    assert.equal(existsSync(join(test.root, 'mounts', 'stranger')), false);
  },
);

function folderOf(path: string | undefined): string {
  return dirname(path ?? '');
}
