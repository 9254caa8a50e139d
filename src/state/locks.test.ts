import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { stateProcess, testState } from './state.fixture.ts';

const busy = (error: unknown): boolean => Fault.is(error, 'conflict');
const body = async (): Promise<string> => 'in';

test('an exclusive lock keeps out everybody, a shared one only exclusive ones', async () => {
  using fixture = testState();
  const { locks } = fixture.state;
  await locks.exclusively('x', async () => {
    await assert.rejects(locks.exclusively('x', body, { timeoutMs: 1 }), busy);
    await assert.rejects(locks.shared('x', body, { timeoutMs: 1 }), busy);
    assert.equal(await locks.exclusively('y', body), 'in');
  });
  await locks.shared('x', async () => {
    await assert.rejects(locks.exclusively('x', body, { timeoutMs: 1 }), busy);
    assert.equal(await locks.shared('x', body), 'in');
  });
  assert.equal(await locks.exclusively('x', body), 'in');
  assert.deepEqual(readdirSync(join(fixture.root, 'locks')), []);
});

test('waiting for a lock can be cancelled', async () => {
  using fixture = testState();
  const { locks } = fixture.state;
  await locks.exclusively('x', async () => {
    const stop = new AbortController();
    const waiting = locks.exclusively('x', async () => 'in', { signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, (error) => Fault.is(error, 'cancelled'));
  });
});

test('one unpack or download of one digest at a time, across processes: one does the work, the others wait for it', async () => {
  using fixture = testState();
  const diffId = "{ diffId: 'x', sizeBytes: 1, entryCount: 1, bootId: 'b', durable: false, createdMs: 0 }";
  const program = `
    await state.locks.singleFlight('sha256:x', {
      find: () => state.layers.get('x'),
      make: async () => { say('made'); state.layers.put(${diffId}); return state.layers.get('x'); },
    });
    say('end');`;
  const children = Array.from({ length: 4 }, () => stateProcess(fixture.root, program));
  const said: (string | undefined)[] = [];
  for (const child of children) {
    for (let line = await child.line(); line !== undefined; line = await child.line()) said.push(line);
  }
  assert.deepEqual(said.toSorted(), ['end', 'end', 'end', 'end', 'made']);
});

test('others take over when the owner has died', async () => {
  using fixture = testState();
  const program =
    "await state.locks.singleFlight('x', { find: () => undefined, make: () => (say('making'), forever()) });";
  await using child = stateProcess(fixture.root, program);
  assert.equal(await child.line(), 'making');
  const flight = { find: (): undefined => undefined, make: async (): Promise<string> => 'made here' };
  const waiting = fixture.state.locks.singleFlight<string>('x', flight);
  await child.kill();
  assert.equal(await waiting, 'made here');
});

test('the next takes over when one fails', async () => {
  using fixture = testState();
  const { locks } = fixture.state;
  let attempts = 0;
  const flight = {
    find: (): undefined => undefined,
    make: async (): Promise<number> => {
      attempts += 1;
      if (attempts === 1) throw new Fault('unavailable', 'no');
      return attempts;
    },
  };
  const results = await Promise.allSettled([locks.singleFlight('x', flight), locks.singleFlight('x', flight)]);
  assert.deepEqual(results.map((each) => each.status).toSorted(), ['fulfilled', 'rejected']);
});

test('a lock is seen to be held as long as it is', async () => {
  using fixture = testState();
  const { locks } = fixture.state;
  assert.equal(locks.isHeld('x'), false);
  await locks.exclusively('x', async () => assert.equal(locks.isHeld('x'), true));
  assert.equal(locks.isHeld('x'), false);
});
