import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { Attempt, RetryOptions } from './retry.ts';
import { retry } from './retry.ts';

test('it tries again until it is done, and waits twice as long each time, up to a bound', async () => {
  const { waits, options } = recorded({ maxAttempts: 6, firstDelayMs: 100, maxDelayMs: 500 });
  assert.equal(await retry(failing(5), options), 'value');
  assert.deepEqual(waits, [100, 200, 400, 500, 500]);
});

test('the first half of a delay is always waited, the second by chance', async () => {
  const { waits, options } = recorded({ random: () => 0 });
  await retry(failing(2), options);
  assert.deepEqual(waits, [50, 100]);
});

test('after enough tries the last fault is thrown', async () => {
  const { waits, options } = recorded({ maxAttempts: 3 });
  await assert.rejects(retry(failing(9), options), /try 3/);
  assert.equal(waits.length, 2);
});

test('it waits as long as the other side asks, and gives up at once when that is too long', async () => {
  const { waits, options } = recorded({ maxDelayMs: 500 });
  await retry(failing(1, 400), options);
  assert.deepEqual(waits, [400]);
  await assert.rejects(retry(failing(1, 501), options), /try 1/);
  assert.deepEqual(waits, [400]);
});

test('no try begins after the time that there is for all of them', async () => {
  let nowMs = 0;
  const slow = failing(9);
  const tries = (): ReturnType<typeof slow> => {
    nowMs += 1000;
    return slow();
  };
  const within = { clock: { now: () => nowMs }, totalMs: 2500 };
  const { waits, options } = recorded({ within });
  await assert.rejects(retry(tries, options), /try 3/);
  assert.deepEqual(waits, [100, 200]);
});

test('what is hopeless is not tried again', async () => {
  const { waits, options } = recorded({});
  await assert.rejects(
    retry(() => Promise.reject(new Error('hopeless')), options),
    /hopeless/,
  );
  assert.deepEqual(waits, []);
});

function recorded(overrides: Partial<RetryOptions>): { readonly waits: number[]; readonly options: RetryOptions } {
  const waits: number[] = [];
  const sleep = (delayMs: number): Promise<void> => {
    waits.push(delayMs);
    return Promise.resolve();
  };
  return {
    waits,
    options: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 1000, random: () => 1, sleep, ...overrides },
  };
}

function failing(times: number, afterMs?: number): () => Promise<Attempt<string>> {
  let tries = 0;
  return () => {
    tries++;
    if (tries > times) return Promise.resolve({ kind: 'done', value: 'value' });
    const fault = new Fault('unavailable', `try ${tries}`);
    return Promise.resolve({ kind: 'again', fault, ...(afterMs === undefined ? {} : { afterMs }) });
  };
}
