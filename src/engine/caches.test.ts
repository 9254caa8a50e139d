import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { Tree } from '../host/index.ts';
import { bytesOf, toBuffer } from '../std/index.ts';
import { endOfArchive, formatHeader, paddingOf, type TarEntry } from '../tar/index.ts';
import { testStore, type TestStore } from './test-store.fixture.ts';

const skip = process.getuid?.() !== 0 && 'needs root to keep owners';
const { signal } = new AbortController();
const isCancelled = (error: unknown): boolean => Fault.is(error, 'cancelled');

async function folderOf({ store }: TestStore, id: string): Promise<string> {
  using use = await store.cacheMounts.acquire({ id, sharing: 'shared', signal });
  return use.path;
}

async function exported({ engine }: TestStore, name: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await engine.caches.export(name, { signal, write: async (piece) => void pieces.push(Buffer.from(piece)) });
  return Buffer.concat(pieces);
}

async function* bytes(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function problemsOf({ engine }: TestStore): Promise<readonly string[]> {
  const { findings } = await engine.system.check({ repair: false, signal, onProgress: () => undefined });
  return findings.map(({ message }) => message);
}

function makeTree(folder: string): void {
  mkdirSync(join(folder, 'dir/inner'), { recursive: true });
  writeFileSync(join(folder, 'dir/file'), 'content');
  linkSync(join(folder, 'dir/file'), join(folder, 'dir/second'));
  symlinkSync('/etc/passwd', join(folder, 'link'));
  writeFileSync(join(folder, 'set'), '');
  using tree = Tree.open(folder);
  tree.writeFile(bytesOf('b\xe9'), toBuffer(bytesOf('latin')));
  tree.mknod(bytesOf('pipe'), { type: 'fifo' });
  tree.setOwner(bytesOf('set'), 7, 8);
  tree.setXattr(bytesOf('set'), bytesOf('user.note'), bytesOf('x'));
  tree.setMode(bytesOf('set'), 0o4711);
  tree.setTimes(bytesOf('set'), { sec: 1_000_000_000, nsec: 123_456_789 });
  tree.setTimes(bytesOf('dir'), { sec: 1_000_000_001, nsec: 5 });
}

/** What a tree looks like: the entries of its tar. */
function listing(tar: Uint8Array): string {
  const args = ['--full-time', '--numeric-owner', '--xattrs', '-tvvf', '-'];
  return execFileSync('tar', args, { input: tar, env: { ...process.env, TZ: 'UTC' } }).toString();
}

test(
  'what export writes GNU tar reads, import takes again, and the same content gives the same bytes',
  { skip },
  async () => {
    await using at = await testStore();
    const folder = await folderOf(at, '/root/.cache');
    makeTree(folder);
    using tree = Tree.open(dirname(folder));
    tree.setOwner(bytesOf('0'), 3, 4);
    tree.setMode(bytesOf('0'), 0o2770);
    utimesSync(folder, 1_000_000_002, 1_000_000_002);
    const tar = await exported(at, '/root/.cache');
    const seen = listing(tar);
    assert.match(seen, /^drwxrws--- +3\/4 +0 2001-09-09 01:46:42 \.\/$/m);
    assert.match(seen, /^-rws--x--x\* 7\/8 .* set$/m);
    assert.match(seen, /hrw.* dir\/second link to dir\/file$/m);
    const summary = await at.engine.caches.import('copy', bytes(tar), { signal });
    assert.deepEqual([summary.id, summary.sizeBytes, summary.uses, summary.lastUsed], ['copy', 12, 0, undefined]);
    assert.deepEqual(await exported(at, 'copy'), tar);
    await at.engine.caches.import('copy', bytes(gzipSync(tar)), { signal });
    assert.deepEqual(await exported(at, summary.key.slice(0, 12)), tar);
    assert.deepEqual(await problemsOf(at), []);
  },
);

test('import takes an archive of GNU tar, sparse files and long names with it', { skip }, async () => {
  await using at = await testStore();
  const source = join(dirname(at.root), 'source');
  mkdirSync(source);
  makeTree(source);
  mkdirSync(join(source, 'd'.repeat(120)));
  writeFileSync(join(source, 'd'.repeat(120), 'n'.repeat(120)), 'long');
  execFileSync('truncate', ['-s', '10M', join(source, 'sparse')]);
  for (const format of ['gnu', 'pax']) {
    const archive = execFileSync('tar', [`--format=${format}`, '-S', '--xattrs', '-C', source, '-cf', '-', '.']);
    await at.engine.caches.import(format, bytes(archive), { signal });
    const folder = await folderOf(at, format);
    assert.equal(execFileSync('diff', ['-r', '--no-dereference', '-x', 'pipe', source, folder]).toString(), '');
    const { uid, gid, mode, mtimeMs } = lstatSync(join(folder, 'set'));
    assert.deepEqual([uid, gid, mode & 0o7777, Math.floor(mtimeMs / 1000)], [7, 8, 0o4711, 1_000_000_000]);
    assert.equal(lstatSync(join(folder, 'sparse')).blocks, 0);
    assert.equal(lstatSync(join(folder, 'dir/file')).ino, lstatSync(join(folder, 'dir/second')).ino);
  }
});

test('never outside the root: a hostile archive gets nowhere', { skip }, async () => {
  await using at = await testStore();
  const outside = join(dirname(at.root), 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'canary'), 'alive');
  const up = '../../../../../../../../../..';
  const tar = archive(
    member({ path: '../dotdot' }, 'x'),
    member({ path: `${up}${outside}/canary` }, 'x'),
    member({ path: `${outside}/absolute` }, 'x'),
    member({ path: 'here', type: 'symlink', link: '.' }),
    member({ path: 'here/through' }, 'x'),
    member({ path: 'file', type: 'symlink', link: `${outside}/canary` }),
    member({ path: 'file' }, 'over a symlink'),
    member({ path: 'hard', type: 'link', link: `${up}/dotdot` }),
    member({ path: 'dir', type: 'dir', mode: 0o755 }),
    member({ path: 'dir/inside' }, 'x'),
    member({ path: 'dir', type: 'symlink', link: outside }),
  );
  await at.engine.caches.import('hostile', bytes(tar), { signal });
  const folder = await folderOf(at, 'hostile');
  assert.deepEqual([readdirSync(outside), readFileSync(join(outside, 'canary'), 'utf8')], [['canary'], 'alive']);
  assert.deepEqual([readdirSync(dirname(at.root)).toSorted()], [['outside', 'run', 'store']]);
  const top = outside.split('/')[1] ?? '';
  assert.deepEqual(
    readdirSync(folder).toSorted(),
    ['dir', 'dotdot', 'file', 'hard', 'here', 'through', top].toSorted(),
  );
  assert.equal(readlinkSync(join(folder, 'dir')), outside);
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'over a symlink');
  assert.equal(lstatSync(join(folder, 'hard')).nlink, 2);
});

test('an archive that is no good changes nothing', { skip }, async () => {
  await using at = await testStore();
  const folder = await folderOf(at, 'kept');
  writeFileSync(join(folder, 'old'), '');
  const outside = join(dirname(at.root), 'outside');
  mkdirSync(outside);
  const bad: readonly (readonly [string, Buffer])[] = [
    [
      'through a symlink that leads out',
      archive(member({ path: 'a', type: 'symlink', link: outside }), member({ path: 'a/b' })),
    ],
    ['a link to what is not there', archive(member({ path: 'a', type: 'link', link: 'none' }))],
    ['a link to the host', archive(member({ path: 'a', type: 'link', link: '/etc/passwd' }))],
    [
      'a link to a directory',
      archive(member({ path: 'd', type: 'dir' }), member({ path: 'a', type: 'link', link: 'd' })),
    ],
    ['below a file', archive(member({ path: 'a' }), member({ path: 'a/b' }))],
    ['a root that is a file', archive(member({ path: '.' }))],
    ['cut off', archive(member({ path: 'a' }, 'x'.repeat(2000))).subarray(0, 1500)],
    ['no tar', Buffer.from('junk'.repeat(1000))],
    ['a broken gzip', gzipSync(Buffer.alloc(5000)).subarray(0, 20)],
  ];
  for (const [name, tar] of bad) {
    await assert.rejects(
      at.engine.caches.import('kept', bytes(tar), { signal }),
      (error) => Fault.is(error) && error.message.startsWith('import cache mount kept: '),
      name,
    );
    await assert.rejects(at.engine.caches.import('fresh', bytes(tar), { signal }), name);
  }
  assert.deepEqual([readdirSync(folder), readdirSync(outside)], [['old'], []]);
  assert.deepEqual(
    (await at.engine.caches.list()).map(({ id }) => id),
    ['kept'],
  );
  assert.deepEqual(await problemsOf(at), []);
});

test('a cancelled import or export stops, and changes nothing', { skip }, async () => {
  await using at = await testStore();
  await folderOf(at, 'kept');
  const stop = new AbortController();
  stop.abort();
  const options = { signal: stop.signal, write: async () => undefined };
  await assert.rejects(at.engine.caches.import('kept', bytes(archive()), options), isCancelled);
  writeFileSync(join(await folderOf(at, 'kept'), 'file'), '');
  await assert.rejects(at.engine.caches.export('kept', options), isCancelled);
});

test('a cache is listed with its size and uses, and removed unless a step has it', { skip }, async () => {
  await using at = await testStore();
  const { caches } = at.engine;
  writeFileSync(join(await folderOf(at, 'a'), 'file'), '12345');
  const [cache] = await caches.list();
  assert.equal(cache?.created, new Date(at.nowMs).toISOString());
  const { id, sizeBytes, uses, isInUse, sharing, folderCount, lastUsed } = cache ?? assert.fail();
  assert.deepEqual([id, sizeBytes, uses, isInUse, sharing, folderCount], ['a', 5, 1, false, 'shared', 1]);
  assert.equal(lastUsed, cache.created);
  {
    using _use = await at.store.cacheMounts.acquire({ id: 'a', sharing: 'private', signal });
    await assert.rejects(caches.remove('a'), (error) => Fault.is(error, 'conflict'));
    await assert.rejects(caches.import('a', bytes(archive()), { signal }), (error) => Fault.is(error, 'conflict'));
    await assert.rejects(exported(at, 'a'), (error) => Fault.is(error, 'conflict'));
  }
  assert.equal((await caches.remove('a')).id, 'a');
  await assert.rejects(caches.remove('a'), (error) => Fault.is(error, 'not-found'));
  await assert.rejects(exported(at, 'a'), (error) => Fault.is(error, 'not-found'));
});

test('prune leaves cache mounts alone; with all those that no step has now go', { skip }, async () => {
  await using at = await testStore();
  const free = await folderOf(at, 'free');
  writeFileSync(join(free, 'file'), '123');
  using used = await at.store.cacheMounts.acquire({ id: 'used', sharing: 'shared', signal });
  mkdirSync(join(dirname(free), '3.filling'));
  writeFileSync(join(dirname(free), '3.filling', 'half'), '12');
  const prune = (all: boolean, dryRun: boolean): Promise<unknown> => at.engine.system.prune({ all, dryRun, signal });
  const leftover = { kind: 'work', name: `mounts/${dirname(free).split('/').at(-1)}/3.filling`, sizeBytes: 2 };
  for (const dryRun of [true, false]) {
    assert.deepEqual(await prune(false, dryRun), { deleted: [leftover], reclaimedBytes: 2 });
  }
  const removed = { deleted: [{ kind: 'cache-mount', name: 'free', sizeBytes: 3 }], reclaimedBytes: 3 };
  for (const dryRun of [true, false]) assert.deepEqual(await prune(true, dryRun), removed);
  assert.deepEqual([existsSync(free), existsSync(used.path)], [false, true]);
  assert.deepEqual(await problemsOf(at), []);
});

test('check rebuilds the list of caches from the disk', { skip }, async () => {
  await using at = await testStore();
  await folderOf(at, 'lost');
  at.store.state.cacheMounts.delete((await at.engine.caches.list())[0]?.key ?? '');
  assert.deepEqual(await at.engine.caches.list(), []);
  const { findings } = await at.engine.system.check({ repair: true, signal, onProgress: () => undefined });
  const message = 'cache mount lost: it is on the disk and not in the database';
  assert.deepEqual(findings, [{ severity: 'error', message, repaired: true }]);
  assert.deepEqual(
    (await at.engine.caches.list()).map(({ id, uses }) => [id, uses]),
    [['lost', 0]],
  );
});

type Spec = Partial<Pick<TarEntry, 'type' | 'mode'>> & { readonly path: string; readonly link?: string };

function member({ path, type = 'file', mode = 0o644, link = '' }: Spec, content = ''): Buffer {
  const plain = { uid: 0, gid: 0, mtime: { sec: 0, nsec: 0 }, devMajor: 0, devMinor: 0, xattrs: new Map() };
  const header = formatHeader({ ...plain, path: bytesOf(path), type, mode, link: bytesOf(link), size: content.length });
  return Buffer.concat([header, Buffer.from(content), Buffer.alloc(paddingOf(content.length))]);
}

function archive(...members: readonly Buffer[]): Buffer {
  return Buffer.concat([...members, endOfArchive]);
}
