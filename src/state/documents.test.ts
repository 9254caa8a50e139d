import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { setDatabaseAside } from './open-state.ts';
import { openDocumentFiles } from './document-files.ts';
import type { DocumentFiles } from './document-files.ts';
import { openDocumentRepair } from './document-repair.ts';
import { openDatabase } from './sqlite-database.ts';
import { openDocuments } from './sqlite-documents.ts';
import { testState } from './state.fixture.ts';

const image = { manifest: 'sha256:m', config: 'sha256:c' };
const name = 'docker.io/library/alpine:3.20';

test('a document is found by id, by name and by a prefix of its id, until it is removed', () => {
  using fixture = testState();
  const { containers } = fixture.state;
  containers.create({ id: 'abc1', name: 'one', body: { image: 'a' } });
  containers.create({ id: 'abd2', name: 'two', body: {} });
  assert.equal(containers.get('abc1')?.name, 'one');
  assert.equal(containers.byName('two')?.id, 'abd2');
  assert.deepEqual(
    containers.withPrefix('ab', 2).map((each) => each.id),
    ['abc1', 'abd2'],
  );
  assert.deepEqual(
    containers.withPrefix('abc', 2).map((each) => each.id),
    ['abc1'],
  );
  assert.deepEqual(containers.withPrefix('%', 2), []);
  assert.equal(containers.remove('abc1'), true);
  assert.equal(containers.remove('abc1'), false);
  assert.equal(containers.get('abc1'), undefined);
  assert.equal(containers.byName('one'), undefined);
  assert.equal(containers.create({ id: 'new', name: 'one', body: {} }).name, 'one');
});

test('an id or a name that is in use is not given again', () => {
  using fixture = testState();
  const { containers } = fixture.state;
  containers.create({ id: 'a', name: 'one', body: {} });
  assert.throws(() => containers.create({ id: 'a', name: 'other', body: {} }), taken);
  assert.throws(() => containers.create({ id: 'b', name: 'one', body: {} }), taken);
  assert.throws(() => containers.put({ id: 'b', name: 'one', body: {} }), taken);
  assert.deepEqual(fixture.state.repair.compare(), []);
});

test('kinds do not see each other', () => {
  using fixture = testState();
  fixture.state.containers.create({ id: 'a', body: {} });
  fixture.state.volumes.create({ id: 'a', body: {} });
  fixture.state.volumes.remove('a');
  assert.equal(fixture.state.containers.list().length, 1);
});

test('putting what is there writes nothing', () => {
  using fixture = testState();
  const { images } = fixture.state;
  const first = images.put({ id: name, body: image });
  fixture.now += 5000;
  assert.deepEqual(images.put({ id: name, body: image }), first);
  assert.equal(images.put({ id: name, body: { ...image, manifest: 'sha256:n' } }).createdMs, fixture.now);
});

test('ids and names of no or too many characters are refused', () => {
  using fixture = testState();
  for (const id of ['', 'x'.repeat(1025)]) {
    assert.throws(
      () => fixture.state.volumes.create({ id, body: {} }),
      (error) => Fault.is(error, 'invalid'),
    );
  }
});

test('each document stands as a readable file, whatever characters its id has', () => {
  using fixture = testState();
  const ids = ['..', '.', 'a/b', '*', 'ü', `${'long/'.repeat(100)}x`, '.new', name];
  for (const id of ids) fixture.state.images.put({ id, body: image });
  assert.equal(readdirSync(join(fixture.root, 'names/images')).length, ids.length);
  const text = readFileSync(join(fixture.root, 'names/images/docker.io%2Flibrary%2Falpine%3A3.20.json'), 'utf8');
  assert.deepEqual(JSON.parse(text), { id: name, name, body: image, createdMs: fixture.now });
  assert.deepEqual(fixture.state.repair.compare(), []);
});

test('a lost database is rebuilt from the files', () => {
  using fixture = testState();
  fixture.state.images.put({ id: name, body: image });
  fixture.state.containers.create({ id: 'c1', name: 'web', body: { image: name, ports: [80] } });
  const before = [fixture.state.images.list(), fixture.state.containers.list()];
  fixture.state[Symbol.dispose]();
  setDatabaseAside(fixture.root, join(fixture.root, 'trash'));
  const state = fixture.reopen();
  assert.deepEqual(state.images.list(), []);
  assert.equal(state.repair.restoreRows(), 2);
  assert.deepEqual([state.images.list(), state.containers.list()], before);
  assert.deepEqual(state.repair.compare(), []);
});

test('files that were lost, changed, damaged or added by hand are reported and put right', () => {
  using fixture = testState();
  const { images, repair } = fixture.state;
  for (const id of ['a', 'b', 'c']) images.put({ id, body: image });
  const folder = join(fixture.root, 'names/images');
  const text = readFileSync(join(folder, 'c.json'), 'utf8');
  rmSync(join(folder, 'a.json'));
  writeFileSync(join(folder, 'b.json'), '{');
  writeFileSync(join(folder, 'c.json'), text.replace('sha256:m', 'sha256:x'));
  writeFileSync(join(folder, 'd.json'), text.replaceAll('"c"', '"d"'));
  assert.deepEqual(repair.compare(), [
    { kind: 'images', id: 'a', problem: 'file-missing' },
    { kind: 'images', id: 'b', problem: 'unreadable' },
    { kind: 'images', id: 'c', problem: 'different' },
    { kind: 'images', id: 'd', problem: 'row-missing' },
  ]);
  repair.rewriteFiles();
  assert.deepEqual(repair.compare(), []);
  assert.deepEqual(
    images.list().map((each) => each.id),
    ['a', 'b', 'c'],
  );
});

test('whichever step of a change fails, the row is as before or as wanted, and the file can be put right', () => {
  using fixture = testState();
  for (let failAt = 1; failAt <= 2; failAt += 1) {
    using database = openDatabase(join(fixture.root, `${failAt}/varve.db`));
    const files = openDocumentFiles(join(fixture.root, `${failAt}/names`));
    const clock = { now: (): number => 1 };
    const plain = openDocuments<typeof image>(database, 'images', { files, clock });
    plain.put({ id: 'a', body: image });
    const failing = openDocuments<typeof image>(database, 'images', { files: failingAt(files, failAt), clock });
    assert.throws(() => failing.put({ id: 'a', body: { manifest: 'new', config: 'new' } }), /broken/);
    assert.throws(() => failing.remove('a'), /broken/);
    assert.deepEqual(plain.get('a')?.body, image);
    const repair = openDocumentRepair(database, files);
    repair.rewriteFiles();
    assert.deepEqual(repair.compare(), []);
  }
});

function taken(error: unknown): boolean {
  return Fault.is(error, 'already-exists');
}

/** Fails before (1) or after (2) a file was changed: what a cut between file and commit leaves. */
function failingAt(files: DocumentFiles, step: number): DocumentFiles {
  const broken = <Args extends unknown[]>(work: (...args: Args) => void) => {
    return (...args: Args): void => {
      if (step === 2) work(...args);
      throw new Fault('unavailable', 'broken');
    };
  };
  return { ...files, write: broken(files.write), remove: broken(files.remove) };
}
