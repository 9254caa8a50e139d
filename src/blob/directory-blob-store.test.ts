import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf, hexOf } from '../oci/index.ts';
import type { BlobHolder, BlobStore } from './blob-store.ts';
import { blobStoreSuite } from './blob-store.suite.ts';
import { openBlobStore } from './directory-blob-store.ts';

interface Fixture extends Disposable {
  readonly root: string;
  readonly store: BlobStore;
}

function fixture(): Fixture {
  const root = mkdtempSync(join(tmpdir(), 'varve-blob-'));
  const remove = (): void => rmSync(root, { recursive: true, force: true });
  return { root, store: openBlobStore({ root }), [Symbol.dispose]: remove };
}

interface SmallDisk extends Disposable {
  readonly path: string;
  grow(): void;
}

/** A disk of half a mebibyte: a mount of its own, without which a full disk cannot be had safely. */
function smallDisk(): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'varve-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path]);
  return {
    path,
    grow: () => void execFileSync('mount', ['-o', 'remount,size=8m', path]),
    [Symbol.dispose]: () => {
      execFileSync('umount', ['--lazy', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

const holder: BlobHolder = { add: () => undefined };
const notRoot = process.getuid?.() !== 0 && 'mounting a small disk needs root';
const content = Buffer.from('content');
const digest = digestOf(content);

blobStoreSuite('directory blob store', fixture);

test('blobs have mode 0400 in folders of mode 0700', async () => {
  using f = fixture();
  f.store.put(content, { holder });
  using writer = f.store.writer({ holder });
  await writer.commit();
  for (const { path } of f.store.list()) assert.equal(statSync(path).mode & 0o777, 0o400);
  for (const folder of ['blobs/sha256', 'blobs', 'ingest', 'trash']) {
    assert.equal(statSync(join(f.root, folder)).mode & 0o777, 0o700, folder);
  }
});

test('a blob that was damaged on disk is found out: cut short it is stored again, changed it is not read', () => {
  using f = fixture();
  f.store.put(content, { holder });
  const path = f.store.stat(digest)?.path ?? '';
  chmodSync(path, 0o600);
  writeFileSync(path, 'CONTENT');
  assert.equal(f.store.verify(digest), false);
  assert.throws(
    () => f.store.read(digest, { maxBytes: 100 }),
    (error) => Fault.is(error, 'corrupt'),
  );
  truncateSync(path, 3);
  f.store.put(content, { holder });
  assert.equal(f.store.verify(digest), true);
});

test('files with other names than digests are no blobs', () => {
  using f = fixture();
  writeFileSync(join(f.root, 'blobs/sha256/README'), '');
  writeFileSync(join(f.root, 'ingest/layer-1.tar'), '');
  assert.deepEqual(f.store.list(), []);
  assert.deepEqual(f.store.ingests(), []);
});

test('a deleted blob stands in the trash', () => {
  using f = fixture();
  f.store.put(content, { holder });
  f.store.delete(digest);
  assert.equal(readdirSync(join(f.root, 'trash')).length, 1);
});

test('a writer that is killed leaves its bytes, and the next one goes on', async () => {
  using f = fixture();
  const program = `
    const { openBlobStore } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))});
    const { writeSync } = await import('node:fs');
    const store = openBlobStore({ root: ${JSON.stringify(f.root)} });
    const writer = store.writer({ holder: { add() {} }, digest: ${JSON.stringify(digest)} });
    writer.write(Buffer.from('cont'));
    writeSync(1, 'written');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    assert.throws(
      () => f.store.writer({ holder, digest }),
      (error) => Fault.is(error, 'unavailable'),
    );
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  using writer = f.store.writer({ holder, digest });
  assert.equal(writer.offsetBytes, 4);
  writer.write(Buffer.from('ent'));
  assert.equal((await writer.commit()).kind, 'stored');
  assert.deepEqual(readdirSync(join(f.root, `blobs/sha256`)), [hexOf(digest)]);
});

test('a write that fails leaves no blob and no name', () => {
  using f = fixture();
  rmSync(join(f.root, 'ingest'), { recursive: true });
  writeFileSync(join(f.root, 'ingest'), '');
  assert.throws(
    () => f.store.put(content, { holder }),
    (error) => Fault.is(error, 'invalid'),
  );
  assert.deepEqual(f.store.list(), []);
});

test('a full disk is exhausted; what was written stays and goes on when there is room', { skip: notRoot }, async () => {
  using disk = smallDisk();
  const store = openBlobStore({ root: disk.path });
  const bytes = Buffer.alloc(2 ** 20, 'x');
  const large = digestOf(bytes);
  using writer = store.writer({ holder, digest: large });
  assert.throws(
    () => writer.write(bytes),
    (error) => Fault.is(error, 'exhausted'),
  );
  assert.throws(
    () => store.put(bytes, { holder }),
    (error) => Fault.is(error, 'exhausted'),
  );
  assert.deepEqual([store.list(), store.ingests().length], [[], 1]);
  disk.grow();
  writer.write(bytes);
  assert.equal((await writer.commit()).kind, 'stored');
  assert.ok(store.verify(large));
});
