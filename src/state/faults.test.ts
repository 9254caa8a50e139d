import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { openCacheRecords } from './cache-records.ts';
import type { NewCacheRecord } from './cache-records.ts';
import type { Database } from './database.ts';
import { openDocumentFiles } from './document-files.ts';
import { openDocumentRepair } from './document-repair.ts';
import { openLeases } from './flocked-leases.ts';
import { openDatabase } from './sqlite-database.ts';
import { openDocuments } from './sqlite-documents.ts';
import { testState } from './state.fixture.ts';

/** A database whose n-th statement fails, as on a full disk; `ranOut` is true once fewer than n were run. */
function failingAt(database: Database, n: number): { readonly database: Database; ranOut(): boolean } {
  let left = n;
  const count = <Args extends unknown[], T>(work: (...args: Args) => T) => {
    return (...args: Args): T => {
      left -= 1;
      if (left === 0) throw new Fault('exhausted', 'the disk is full');
      return work(...args);
    };
  };
  const failing: Database = {
    get: count(database.get.bind(database)),
    all: count(database.all.bind(database)),
    run: count(database.run.bind(database)),
    transaction: (body) => database.transaction(body),
    durably: (body) => database.durably(body),
    [Symbol.dispose]: () => undefined,
  };
  return { database: failing, ranOut: () => left > 0 };
}

/** Runs `body` with the first, the second, … statement failing, until it runs clean; `check` sees what each leaves. */
function failEachStatement(
  database: Database,
  body: (failing: Database) => void,
  check: (failed: boolean) => void,
): number {
  for (let n = 1; ; n += 1) {
    const failing = failingAt(database, n);
    try {
      body(failing.database);
    } catch (error) {
      assert.ok(Fault.is(error, 'exhausted'), String(error));
    }
    check(!failing.ranOut());
    if (failing.ranOut()) return n;
  }
}

const clock = { now: (): number => 1 };

function record(result: string, digests: readonly string[]): NewCacheRecord {
  const keys = { definitionKey: 'd', contentKey: result, lineage: result, contentId: result };
  const preimage = `preimage of ${result}`;
  return { ...keys, slot: 's', label: 'l', result, digests, preimage, preimageBytes: Buffer.from(result) };
}

test('whichever statement fails, a cache record is the old or the new one as a whole', () => {
  using fixture = testState();
  using database = openDatabase(join(fixture.root, 'varve.db'));
  const cache = openCacheRecords(database, clock);
  cache.put(record('old', ['a', 'b']));
  const count = failEachStatement(
    database,
    (failing) => openCacheRecords(failing, clock).put(record('new', ['b', 'c', 'd'])),
    (failed) => {
      const found = cache.byDefinition('d');
      const [result, digests] = failed ? ['old', ['a', 'b']] : ['new', ['b', 'c', 'd']];
      assert.deepEqual([found?.result, found?.digests], [result, digests]);
      assert.ok(cache.preimage(found?.preimage ?? '') !== undefined);
    },
  );
  assert.ok(count > 5);
});

test('whichever statement fails, a document is the old or the new one, and its file can be put right', () => {
  using fixture = testState();
  using database = openDatabase(join(fixture.root, 'varve.db'));
  const files = openDocumentFiles(join(fixture.root, 'names'));
  const repair = openDocumentRepair(database, files);
  const images = openDocuments(database, 'images', { files, clock });
  images.put({ id: 'a', body: 'old' });
  failEachStatement(
    database,
    (failing) => void openDocuments(failing, 'images', { files, clock }).put({ id: 'a', body: 'new' }),
    (failed) => {
      assert.equal(images.get('a')?.body, failed ? 'old' : 'new');
      repair.rewriteFiles();
      assert.deepEqual(repair.compare(), []);
    },
  );
  failEachStatement(
    database,
    (failing) => void openDocuments(failing, 'images', { files, clock }).remove('a'),
    (failed) => {
      assert.equal(images.get('a') !== undefined, failed);
      repair.rewriteFiles();
      assert.deepEqual(repair.compare(), []);
    },
  );
});

test('whichever statement fails, a lease that was not acquired keeps nothing and can be acquired again', () => {
  using fixture = testState();
  using database = openDatabase(join(fixture.root, 'varve.db'));
  const folder = join(fixture.root, 'leases');
  const leases = openLeases(database, folder, clock);
  failEachStatement(
    database,
    (failing) => {
      using lease = openLeases(failing, folder, clock).acquire({ purpose: 'build' });
      lease.addAll(['a', 'b']);
    },
    () => assert.deepEqual([leases.live(), readdirSync(folder)], [[], []]),
  );
});
