import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { test } from 'node:test';
import { testState } from './state.fixture.ts';

const facts = { key: 'a1', id: '/root/.cache', scope: '', uid: 0, gid: 0, mode: 0o755, createdMs: 5 };

test('a cache mount is recorded once, and its uses are counted', () => {
  using fixture = testState();
  const { cacheMounts } = fixture.state;
  cacheMounts.add(facts);
  cacheMounts.add({ ...facts, createdMs: 6 });
  assert.deepEqual(cacheMounts.get('a1'), { ...facts, usedMs: 5, uses: 0, sharing: undefined });
  cacheMounts.use(facts, 'shared');
  fixture.now += 1;
  cacheMounts.use(facts, 'locked');
  assert.deepEqual(cacheMounts.get('a1'), { ...facts, usedMs: fixture.now, uses: 2, sharing: 'locked' });
});

test('a use adds the record where it is missing; records are listed by id and deleted by key', () => {
  using fixture = testState();
  const { cacheMounts } = fixture.state;
  cacheMounts.use({ ...facts, key: 'b2', id: 'z' }, 'private');
  cacheMounts.use(facts, 'shared');
  assert.deepEqual(
    cacheMounts.list().map(({ id, uses }) => [id, uses]),
    [
      ['/root/.cache', 1],
      ['z', 1],
    ],
  );
  assert.deepEqual([cacheMounts.delete('b2'), cacheMounts.delete('b2')], [true, false]);
  assert.equal(cacheMounts.get('b2'), undefined);
});

test('a database of the first release gets the table', () => {
  using fixture = testState();
  fixture.state.cacheMounts.list();
  fixture.state[Symbol.dispose]();
  {
    using old = new DatabaseSync(join(fixture.root, 'varve.db'));
    old.exec('DROP TABLE cache_mounts; DROP TABLE compressed_layers; DROP TABLE readings; PRAGMA user_version = 1');
  }
  const later = fixture.reopen();
  later.cacheMounts.add(facts);
  assert.equal(later.cacheMounts.list().length, 1);
});
