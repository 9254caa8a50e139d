import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { orAborted, throwIfAborted } from './abort.ts';
import { createLimit } from './limit.ts';
import { createSingleFlight } from './single-flight.ts';
import { together } from './together.ts';

const isCancelled = (error: unknown): boolean => Fault.is(error, 'cancelled');

test('a limit runs no more than its number at once, in the order of the calls', async () => {
  const limit = createLimit(2);
  const started: number[] = [];
  let [running, most] = [0, 0];
  const work = (number: number) => async (): Promise<number> => {
    started.push(number);
    most = Math.max(most, ++running);
    await turns(3);
    running--;
    return number;
  };
  const results = [1, 2, 3, 4, 5].map((number) => limit(work(number)));
  results.push(turns(3).then(() => limit(work(6))));
  assert.deepEqual(await Promise.all(results), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(started, [1, 2, 3, 4, 5, 6]);
  assert.equal(most, 2);
});

test('a work that fails makes room for the next', async () => {
  const limit = createLimit(1);
  const failing = limit(() => Promise.reject(new Error('no')));
  const next = limit(() => Promise.resolve('yes'));
  await assert.rejects(failing, /no/);
  assert.equal(await next, 'yes');
});

test('who is cancelled while waiting for a turn never starts', async () => {
  const limit = createLimit(1);
  const controller = new AbortController();
  const gate = Promise.withResolvers<void>();
  const first = limit(() => gate.promise);
  const second = limit(() => assert.fail('started'), controller.signal);
  controller.abort();
  await assert.rejects(second, isCancelled);
  await assert.rejects(
    limit(() => assert.fail('started'), controller.signal),
    isCancelled,
  );
  gate.resolve();
  await first;
  assert.equal(await limit(() => Promise.resolve(3)), 3);
});

test('those who ask for the same get one work and its result', async () => {
  const flight = createSingleFlight<string, number>();
  let works = 0;
  const work = async (): Promise<number> => {
    await turns(1);
    return ++works;
  };
  const results = await Promise.all([flight('a', work), flight('a', work), flight('b', work)]);
  assert.deepEqual(results, [1, 1, 2]);
  assert.equal(await flight('a', work), 3);
});

test('all who wait see the failure, the next one tries anew', async () => {
  const flight = createSingleFlight<string, string>();
  const both = await Promise.allSettled([flight('a', failingWork), flight('a', failingWork)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await flight('a', () => Promise.resolve('yes')), 'yes');
});

test('one who is cancelled leaves alone; the work is cancelled when the last has left', async () => {
  const flight = createSingleFlight<string, string>();
  const controllers = [new AbortController(), new AbortController()];
  const seen: AbortSignal[] = [];
  const gate = Promise.withResolvers<string>();
  const work = (signal: AbortSignal): Promise<string> => {
    seen.push(signal);
    return gate.promise;
  };
  const [first, second] = controllers.map((controller) => flight('a', work, controller.signal));
  controllers[0]?.abort();
  await assert.rejects(first ?? Promise.resolve(), isCancelled);
  assert.equal(seen[0]?.aborted, false);
  controllers[1]?.abort();
  await assert.rejects(second ?? Promise.resolve(), isCancelled);
  assert.equal(seen[0]?.aborted, true);
  assert.equal(await flight('a', () => Promise.resolve('new')), 'new');
});

test('an aborted signal is a cancelled fault that says what was being done', async () => {
  const signal = AbortSignal.abort();
  assert.throws(() => throwIfAborted(signal, 'pull x'), /pull x: cancelled/);
  await assert.rejects(orAborted(new Promise(() => {}), signal, 'pull x'), isCancelled);
  assert.equal(await orAborted(Promise.resolve(1), new AbortController().signal, 'pull x'), 1);
});

function failingWork(): Promise<string> {
  return Promise.reject(new Error('no'));
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

test('works that run together give their results in order; the first failure cancels the others and is the one that is thrown', async () => {
  assert.deepEqual(await together([async () => 1, async () => 2]), [1, 2]);
  const ended: string[] = [];
  const waiting = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        ended.push('waiting');
        reject(new Fault('cancelled', 'cancelled'));
      }),
    );
  const failed = Promise.reject(new Fault('corrupt', 'the cause'));
  await assert.rejects(together([waiting, () => failed]), /the cause/);
  assert.deepEqual(ended, ['waiting']);
  const stop = new AbortController();
  const cancelled = together([waiting], stop.signal);
  stop.abort();
  await assert.rejects(cancelled, (error) => Fault.is(error, 'cancelled'));
});
