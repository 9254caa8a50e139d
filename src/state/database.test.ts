import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { Database } from './database.ts';
import { openDatabase } from './sqlite-database.ts';
import { stateProcess, testState } from './state.fixture.ts';

interface TestDatabase extends Disposable {
  readonly path: string;
  readonly database: Database;
}

function testDatabase(waitLimitMs = 5000): TestDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'varve-database-'));
  const path = join(folder, 'varve.db');
  const database = openDatabase(path, { waitLimitMs });
  return {
    path,
    database,
    [Symbol.dispose]: () => {
      database[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const insertLayer = "INSERT INTO layers VALUES (?, 1, 1, NULL, 'boot', 0, 0)";
const countLayers = 'SELECT count(*) AS n FROM layers';

function isFault(code: string): (error: unknown) => boolean {
  return (error) => Fault.is(error) && error.code === code;
}

test('a transaction that throws leaves nothing behind', () => {
  using db = testDatabase();
  const failing = (): void =>
    db.database.transaction(() => {
      db.database.run(insertLayer, 'a');
      throw new Fault('invalid', 'no');
    });
  assert.throws(failing, isFault('invalid'));
  assert.equal(db.database.get(countLayers)?.['n'], 0);
});

test('a transaction inside another is part of it', () => {
  using db = testDatabase();
  const failing = (): void =>
    db.database.transaction(() => {
      db.database.transaction(() => db.database.run(insertLayer, 'a'));
      throw new Fault('invalid', 'no');
    });
  assert.throws(failing, isFault('invalid'));
  assert.equal(db.database.get(countLayers)?.['n'], 0);
});

test('a transaction may not wait for anything', () => {
  using db = testDatabase();
  assert.throws(() => db.database.transaction(async () => db.database.run(insertLayer, 'a')), isFault('internal'));
  assert.equal(db.database.get(countLayers)?.['n'], 0);
});

test('a durable transaction cannot begin inside one that is not', () => {
  using db = testDatabase();
  const nested = (): void => db.database.transaction(() => db.database.durably(() => undefined));
  assert.throws(nested, isFault('internal'));
  db.database.durably(() => db.database.durably(() => db.database.run(insertLayer, 'a')));
  assert.equal(db.database.get(countLayers)?.['n'], 1);
});

test('a writer that waits too long for another is told that the store is busy', () => {
  using db = testDatabase();
  using other = openDatabase(db.path, { waitLimitMs: 20 });
  other.get(countLayers);
  db.database.transaction(() => {
    assert.throws(() => other.transaction(() => undefined), isFault('unavailable'));
    assert.equal(other.get(countLayers)?.['n'], 0, 'readers do not wait');
  });
  other.run(insertLayer, 'a');
});

test('a database of a newer release is refused with a hint', () => {
  using db = testDatabase();
  db.database.run('PRAGMA user_version = 4711');
  using other = openDatabase(db.path);
  assert.throws(
    () => other.get(countLayers),
    (error) => isFault('unsupported')(error) && /newer varve/.test((error as Fault).hint ?? ''),
  );
});

test('what is not a database is corrupt, a folder that cannot be written is denied', () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-database-'));
  try {
    writeFileSync(join(folder, 'varve.db'), 'not a database, '.repeat(100));
    using broken = openDatabase(join(folder, 'varve.db'));
    assert.throws(() => broken.get(countLayers), isFault('corrupt'));
    mkdirSync(join(folder, 'dir/varve.db'), { recursive: true });
    using directory = openDatabase(join(folder, 'dir/varve.db'));
    assert.throws(() => directory.get(countLayers), isFault('denied'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('nothing is touched before the first use', () => {
  using db = testDatabase();
  using other = openDatabase(join(db.path, '../other/varve.db'));
  other[Symbol.dispose]();
  assert.throws(() => other.get(countLayers), isFault('internal'));
});

test('eight processes write at once, the first of them making the database, and nothing is lost', async () => {
  using fixture = testState();
  const put = "{ diffId: id + '-' + i, sizeBytes: 1, entryCount: 1, bootId: 'b', durable: false, createdMs: 0 }";
  const children = Array.from({ length: 8 }, (_, id) =>
    stateProcess(fixture.root, `const id = ${id}; for (let i = 0; i < 50; i++) state.layers.put(${put});`),
  );
  assert.deepEqual(await Promise.all(children.map((child) => child.ended())), Array.from({ length: 8 }).fill(0));
  assert.equal(fixture.state.layers.list().length, 400);
});

test('a process that is killed inside a transaction leaves nothing of it, and the store stays usable', async () => {
  using fixture = testState();
  const put =
    "state.layers.put({ diffId: 'x', sizeBytes: 1, entryCount: 1, bootId: 'b', durable: false, createdMs: 0 })";
  const body = `state.transaction(() => { ${put}; say('inside'); for (;;) {} });`;
  await using child = stateProcess(fixture.root, body);
  assert.equal(await child.line(), 'inside');
  await child.kill();
  assert.equal(fixture.state.layers.get('x'), undefined);
  fixture.state.layers.put({ diffId: 'y', sizeBytes: 1, entryCount: 1, bootId: 'b', durable: false, createdMs: 0 });
});

test('what was committed outlives a killed process', async () => {
  using fixture = testState();
  const body = "state.images.put({ id: 'a', body: { manifest: 'm', config: 'c' } }); say('done'); await forever();";
  await using child = stateProcess(fixture.root, body);
  assert.equal(await child.line(), 'done');
  await child.kill();
  assert.deepEqual(fixture.state.images.get('a')?.body, { manifest: 'm', config: 'c' });
  assert.deepEqual(fixture.state.repair.compare(), []);
});
