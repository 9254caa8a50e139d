import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { stateProcess, testState } from './state.fixture.ts';

test('a lease names what it keeps, to every process, until it is released', () => {
  using fixture = testState();
  const other = fixture.reopen();
  const lease = fixture.state.leases.acquire({ purpose: 'build' });
  lease.addAll(['sha256:b', 'sha256:a', 'sha256:a']);
  assert.deepEqual(other.leases.live(), [
    {
      id: lease.id,
      purpose: 'build',
      pid: process.pid,
      createdMs: fixture.now,
      digests: ['sha256:a', 'sha256:b'],
    },
  ]);
  lease.release();
  lease.release();
  assert.deepEqual(other.leases.live(), []);
  assert.deepEqual(readdirSync(join(fixture.root, 'leases')), []);
  assert.throws(
    () => lease.add('sha256:c'),
    (error) => Fault.is(error, 'internal'),
  );
});

test('the lease of a killed process is cleared away, those of the living are not', async () => {
  using fixture = testState();
  using mine = fixture.state.leases.acquire({ purpose: 'mine' });
  const body = "const l = state.leases.acquire({ purpose: 'pull' }); l.add('sha256:a'); say(l.id); await forever();";
  await using child = stateProcess(fixture.root, body);
  const id = await child.line();
  const purposes = (): readonly string[] => fixture.state.leases.live().map((each) => each.purpose);
  assert.deepEqual(purposes().toSorted(), ['mine', 'pull']);
  await child.kill();
  assert.deepEqual(purposes(), ['mine']);
  assert.deepEqual(readdirSync(join(fixture.root, 'leases')), [mine.id]);
  assert.notEqual(id, mine.id);
});

test('a lease file without a row, as a process killed between the two leaves it, is cleared away', () => {
  using fixture = testState();
  using lease = fixture.state.leases.acquire({ purpose: 'build' });
  writeFileSync(join(fixture.root, 'leases/0123456789abcdef'), '');
  fixture.state.leases.live();
  assert.deepEqual(readdirSync(join(fixture.root, 'leases')), [lease.id]);
});

test('a lease cannot grow while garbage collection marks and renames', async () => {
  using fixture = testState();
  const { root, state } = fixture;
  const body = `
    const { existsSync, writeFileSync } = await import('node:fs');
    const l = state.leases.acquire({ purpose: 'build' });
    say('ready');
    while (!existsSync(${JSON.stringify(join(root, 'collecting'))}));
    l.add('sha256:a');
    writeFileSync(${JSON.stringify(join(root, 'added'))}, '');
    say('added');
    await forever();`;
  await using child = stateProcess(root, body);
  assert.equal(await child.line(), 'ready');
  state.transaction(() => {
    writeFileSync(join(root, 'collecting'), '');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    assert.equal(existsSync(join(root, 'added')), false);
  });
  assert.equal(await child.line(), 'added');
  assert.deepEqual(
    state.leases.live().map((each) => each.digests),
    [['sha256:a']],
  );
});
