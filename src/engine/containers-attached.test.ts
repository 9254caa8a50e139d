/** Containers that remove themselves and have somebody attached: they run without a monitor, and nobody can tell. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { ContainerBench, never, noContainers, openContainers, outcomeOf } from './containers.fixture.ts';
import type { ContainerSession } from './containers.ts';

const real = { skip: noContainers };
let bench: ContainerBench;

before(() => {
  if (noContainers === false) bench = new ContainerBench();
});

after(async () => {
  if (noContainers === false) await bench[Symbol.asyncDispose]();
});

test('output apart, the exit code, and nothing is left', real, async () => {
  const { exitCode, stdout, stderr } = await bench.run('echo out; echo err >&2; exit 4', { autoRemove: true });
  assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 4, stdout: 'out\n', stderr: 'err\n' });
  await bench.assertTidy();
});

test('others see it run, read its log, and hear of its end', real, async () => {
  const { id, session } = await start('echo ready; sleep 0.5; exit 5', 'seen');
  assert.equal(existsSync(join(bench.store.areas.at(id).bundle, 'conmon.pid')), false);
  const others = openContainers(bench.store);
  assert.deepEqual(
    others.list({ all: false }).map(({ name, state }) => [name, state]),
    [['seen', 'running']],
  );
  const state = others.inspect(id)['State'] as Readonly<Record<string, unknown>>;
  assert.deepEqual([state['Running'], Number(state['Pid']) > 0], [true, true]);
  const logged: string[] = [];
  for await (const { bytes } of others.logs('seen', { follow: true, signal: never })) {
    logged.push(Buffer.from(bytes).toString());
    break;
  }
  assert.deepEqual(logged, ['ready\n']);
  const [code, outcome] = await Promise.all([others.wait('seen', { signal: never }), outcomeOf(session)]);
  assert.equal(outcome.exitCode, 5);
  assert.ok([5, 137].includes(code), 'its own, or that of one that was removed');
  await bench.assertTidy();
});

test('it can be signalled, stopped and removed by others', real, async () => {
  const trap = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
  const signalled = await start(trap, 'signalled');
  signalled.session.kill('TERM');
  assert.equal((await outcomeOf(signalled.session)).exitCode, 9);
  signalled.session.kill('TERM');
  const stopped = await start(trap, 'stopped');
  const stopping = openContainers(bench.store).stop('stopped', { timeoutMs: 10_000, signal: never });
  assert.equal((await outcomeOf(stopped.session)).exitCode, 9);
  await stopping.catch(mayBeGone);
  const removed = await start(trap, 'removed');
  const removing = openContainers(bench.store).remove('removed', { force: true });
  assert.equal((await outcomeOf(removed.session)).exitCode, 137);
  await removing.catch(mayBeGone);
  await bench.assertTidy();
});

test('a command that cannot run has 126 or 127, and nothing is left', real, async () => {
  for (const [command, exitCode] of [
    ['nothing-here', 127],
    ['/data/kept', 126],
  ] as const) {
    const { id } = await bench.create([command], { autoRemove: true });
    await assert.rejects(bench.containers.start(id, { attach: true, signal: never }), { exitCode });
    assert.throws(() => bench.containers.inspect(id), { code: 'not-found' });
  }
  await bench.assertTidy();
});

test('an abort during the start leaves nothing', real, async () => {
  for (const afterMs of [0, 10, 20, 30]) {
    const { id } = await bench.create(['sleep', '100'], { autoRemove: true });
    const starting = bench.containers.start(id, { attach: true, signal: AbortSignal.timeout(afterMs) });
    const session = await starting.catch((error: unknown) => void assert.ok(Fault.is(error, 'cancelled')));
    session?.kill('KILL');
    await session?.wait();
  }
  await bench.assertTidy();
});

test('kill -9 of who is attached: it runs on, can be stopped, and the next command removes it', real, async () => {
  const { id } = await bench.create(['sh', '-c', 'echo ready; sleep 100'], { autoRemove: true, name: 'left' });
  const program = bench.program('run', id);
  await once(program.stdout ?? program, 'data');
  program.kill('SIGKILL');
  await once(program, 'exit');
  assert.deepEqual(
    bench.containers.list({ all: false }).map(({ name }) => name),
    ['left'],
  );
  await bench.containers.sweep();
  assert.equal(bench.containers.list({ all: false }).length, 1);
  bench.containers.kill('left', 'KILL');
  for (let tries = 0; tries < 100 && bench.containers.list({ all: true }).length > 0; tries++) {
    await delay(20);
    await bench.containers.sweep();
  }
  await bench.assertTidy();
});

async function start(
  script: string,
  name: string,
): Promise<{ readonly id: string; readonly session: ContainerSession }> {
  const { id } = await bench.create(['sh', '-c', script], { autoRemove: true, name });
  const session = await bench.containers.start(id, { attach: true, signal: never });
  const logs = bench.containers.logs(id, { follow: true, signal: never });
  for await (const _ of logs) break;
  return { id, session };
}

/** Who is attached removes it as well. */
function mayBeGone(error: unknown): void {
  assert.ok(Fault.is(error, 'not-found'));
}
