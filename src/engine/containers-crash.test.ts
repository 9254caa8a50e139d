import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { killProcess } from '../host/index.ts';
import { ContainerBench, never, noContainers } from './containers.fixture.ts';

const real = { skip: noContainers };
let bench: ContainerBench;

before(() => {
  if (noContainers === false) bench = new ContainerBench();
});

after(async () => {
  if (noContainers === false) await bench[Symbol.asyncDispose]();
});

test('kill -9 of the starting process in any step: the next sweep leaves nothing of the attempt', real, async () => {
  for (let pauseMs = 0; pauseMs <= 100; pauseMs += 12) {
    const { id } = await bench.create(['sleep', '100']);
    const program = bench.program('start', id);
    program.stdout?.on('data', () => undefined);
    await until(() => bench.store.areas.list().includes(id) || program.exitCode !== null);
    await delay(pauseMs);
    program.kill('SIGKILL');
    await until(() => program.exitCode !== null || program.signalCode !== null);
    await settled(id);
    if (state(id)['Status'] === 'created') {
      assert.equal(bench.store.areas.isMounted(id), false, `killed after ${pauseMs} ms`);
      assert.deepEqual(bench.store.runtimes.ids(), []);
      const session = await bench.containers.start(id, { attach: false, signal: never });
      session.kill('KILL');
      assert.equal(await session.wait(), 137);
    }
    await bench.containers.remove(id, { force: true });
  }
  await bench.assertTidy();
});

test(
  'kill -9 of who is attached: the container runs on, and is tidied by the next command when it has ended',
  real,
  async () => {
    const { id } = await bench.create(['sh', '-c', 'echo ready; sleep 0.5; exit 5']);
    const program = bench.program('run', id);
    await once(program.stdout ?? program, 'data');
    program.kill('SIGKILL');
    assert.equal(state(id)['Status'], 'running');
    await delay(1000);
    assert.equal(state(id)['Status'], 'exited');
    assert.equal(state(id)['ExitCode'], 5);
    await bench.containers.sweep();
    assert.equal(bench.store.areas.isMounted(id), false);
    assert.equal(state(id)['ExitCode'], 5);
    await bench.containers.remove(id, { force: false });
  },
);

test('the same with one that removes itself: the next command removes it', real, async () => {
  const { id } = await bench.create(['sh', '-c', 'echo ready; exit 5'], { autoRemove: true });
  const program = bench.program('run', id);
  await once(program.stdout ?? program, 'data');
  program.kill('SIGKILL');
  await delay(500);
  await bench.containers.sweep();
  assert.deepEqual(bench.containers.list({ all: true }), []);
});

test('a container whose monitor was killed has exited with 255 once it has ended', real, async () => {
  const id = await bench.runDetached('sleep 100');
  killProcess(monitorPid(id), 'SIGKILL');
  await delay(50);
  assert.equal(state(id)['Status'], 'running');
  const waiting = bench.containers.wait(id, { signal: never });
  bench.containers.kill(id, 'KILL');
  assert.equal(await waiting, 255);
  assert.equal(state(id)['Status'], 'exited');
  assert.equal(bench.store.areas.isMounted(id), false);
  await bench.containers.remove(id, { force: false });
});

test('a container that ran when the machine was restarted has exited', real, async () => {
  const id = await bench.runDetached('sleep 100');
  const document = bench.store.state.containers.get(id);
  const { life, ...record } = document?.body ?? {};
  await bench.containers.remove(id, { force: true });
  const body = { ...record, life: { ...(life as object), bootId: 'another' } };
  bench.store.state.containers.create({ id, name: document?.name ?? '', body });
  assert.equal(state(id)['ExitCode'], 255);
  await bench.containers.sweep();
  assert.equal(state(id)['Status'], 'exited');
  await bench.containers.remove(id, { force: false });
});

test('temporary areas whose owner is dead are swept, others are not', real, async () => {
  using mine = bench.store.areas.temporary('view');
  const dead = 'step-0123456789abcdef';
  bench.store.areas.lasting(dead);
  bench.store.snapshotter.writable(bench.chain, bench.store.areas.at(dead));
  await bench.containers.sweep();
  assert.deepEqual(bench.store.areas.list(), [mine.id]);
});

test('what a removal that was killed has left is swept', real, async () => {
  const { id } = await bench.run('touch /x');
  bench.store.state.containers.remove(id);
  await bench.containers.sweep();
  await bench.assertTidy();
});

function state(id: string): Readonly<Record<string, unknown>> {
  return bench.containers.inspect(id)['State'] as Readonly<Record<string, unknown>>;
}

function monitorPid(id: string): number {
  return Number(readFileSync(join(bench.store.areas.at(id).bundle, 'conmon.pid'), 'utf8'));
}

/** What a killed program had begun may go on for an instant without it. */
async function settled(id: string): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    await bench.containers.sweep();
    await delay(tries * 100);
  }
  await bench.containers.sweep();
  assert.ok(['created', 'running'].includes(String(state(id)['Status'])));
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 2000, 'it did not come to be');
    await delay(5);
  }
}
