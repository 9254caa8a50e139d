import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { processStartTime } from '../host/index.ts';
import { runAttached, type AttachedStart } from './attached-run.ts';
import { ContainerBench, noContainers } from './container.fixture.ts';
import { readExitCode, waitForExitCode } from './exit-file.ts';
import { readLog } from './log-reader.ts';
import { exitRecorder } from './monitor-process.ts';
import type { Attachment } from './monitor.ts';

const real = { skip: noContainers };
const never = new AbortController().signal;
let bench: ContainerBench;
let count = 0;

before(() => {
  if (noContainers === false) bench = new ContainerBench();
});

after(async () => {
  if (noContainers === false) await bench[Symbol.asyncDispose]();
});

test('all output comes, apart and logged, then the exit code, written down and given', real, async () => {
  const { bundle, started } = begin('echo out; echo err >&2; printf half; exit 7');
  const container = await running(started);
  assert.deepEqual(await readAll(container.attachment), { stdout: 'out\nhalf', stderr: 'err\n' });
  assert.equal(await container.ended, 7);
  assert.equal(readExitCode(bundle), 7);
  const logged: string[] = [];
  for await (const { stream, bytes } of readLog(join(bundle, 'log'), { follow: false, signal: never })) {
    logged.push(`${stream} ${bytes.toString()}`);
  }
  assert.deepEqual(logged.toSorted(), ['stderr err\n', 'stdout half', 'stdout out\n']);
  assert.deepEqual(bench.runtime.list(), []);
});

test('while it runs its first process is known, and who will write down its end', real, async () => {
  const { id, bundle, started } = begin('exec busybox sleep 60');
  const container = await running(started);
  assert.equal((await bench.runtime.state(id))?.pid, container.pid);
  assert.equal(exitRecorder(bundle)?.pid, process.pid);
  const waiting = waitForExitCode(bundle, { signal: never, isAwaited: () => true });
  process.kill(container.pid ?? 0, 'SIGKILL');
  assert.deepEqual([await container.ended, await waiting], [137, 137]);
  assert.equal(processStartTime(container.pid ?? 0), undefined);
});

test('much output reaches a slow reader whole, and the command waits for it', real, async () => {
  const lines = 300_000;
  const { started } = begin(`i=0; while [ $i -lt ${lines} ]; do echo line $i; i=$((i+1)); done`);
  const { attachment, ended } = await running(started);
  let isOver = false;
  void ended.then(() => (isOver = true));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(isOver, false);
  const { stdout } = await readAll(attachment);
  assert.equal(stdout, Array.from({ length: lines }, (_, index) => `line ${index}\n`).join(''));
});

test('a reader that leaves holds nothing up', real, async () => {
  const { started } = begin('busybox head -c 8000000 /dev/zero');
  const { attachment, ended } = await running(started);
  await attachment.close();
  assert.equal(await attachment.read(), undefined);
  assert.equal(await ended, 0);
});

test('a command that cannot run is an outcome', real, async () => {
  const { started } = begin('', ['nothing-here']);
  const message = '"nothing-here": executable file not found in $PATH';
  assert.deepEqual(await started, { kind: 'not-started', code: 127, message });
});

test('an abort before the command has begun leaves nothing, one afterwards changes nothing', real, async () => {
  const early = begin('exec busybox sleep 60', undefined, AbortSignal.timeout(5));
  await assert.rejects(early.started, { code: 'cancelled' });
  assert.deepEqual(bench.runtime.list(), []);
  const aborting = new AbortController();
  const container = await running(begin('busybox sleep 0.2; exit 3', undefined, aborting.signal).started);
  aborting.abort();
  assert.equal(await container.ended, 3);
});

test('a runtime that is killed takes the container along, and 255 is written down', real, async () => {
  const { bundle, started } = begin('exec busybox sleep 60');
  const { pid = 0, ended } = await running(started);
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  process.kill(Number(parent), 'SIGKILL');
  await assert.rejects(ended, { code: 'internal' });
  assert.equal(readExitCode(bundle), 255);
  assert.equal(processStartTime(pid), undefined);
});

interface Begun {
  readonly id: string;
  readonly bundle: string;
  readonly started: Promise<AttachedStart>;
}

function begin(script: string, args = ['/bin/sh', '-c', script], signal = never): Begun {
  const id = `a${(count += 1)}`;
  const bundle = bench.bundle(id, args);
  return {
    id,
    bundle,
    started: runAttached(bench.runtime, id, { bundle, logPath: join(bundle, 'log'), signal, now: Date.now }),
  };
}

async function running(started: Promise<AttachedStart>): Promise<Extract<AttachedStart, { kind: 'started' }>> {
  const start = await started;
  assert.ok(start.kind === 'started');
  return start;
}

async function readAll(attachment: Attachment): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const text = { stdout: '', stderr: '' };
  for (let piece = await attachment.read(); piece !== undefined; piece = await attachment.read()) {
    text[piece.stream] += Buffer.from(piece.bytes).toString('latin1');
  }
  return text;
}
