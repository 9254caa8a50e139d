import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { findExecutable, killProcess } from '../host/index.ts';
import { conmonMonitor } from './conmon-monitor.ts';
import { ContainerBench, noContainers } from './container.fixture.ts';
import type { ContainerSpecOptions } from './container-options.ts';
import { readLog } from './log-reader.ts';
import type { Attachment, Monitor, MonitorOptions } from './monitor.ts';

const noMonitor =
  noContainers !== false ? noContainers : findExecutable('conmon') === undefined && 'conmon is not installed';
const real = { skip: noMonitor };
const never = new AbortController().signal;
let bench: ContainerBench;
let monitor: Monitor;
let count = 0;

before(() => {
  if (noMonitor !== false) return;
  bench = new ContainerBench();
  monitor = conmonMonitor();
});

after(async () => {
  if (noMonitor === false) await bench[Symbol.asyncDispose]();
});

test('an attached container gives all its output, apart, and its exit code', real, async () => {
  const { id, bundle } = await create('echo out; echo err >&2; exit 7');
  await using attachment = monitor.attach(bundle);
  await bench.runtime.start(id);
  assert.deepEqual(await readAll(attachment), { stdout: 'out\n', stderr: 'err\n' });
  assert.equal(await monitor.wait(bundle, { signal: never }), 7);
  assert.equal(monitor.exitCode(bundle), 7);
});

test('much output reaches a slow reader whole', real, async () => {
  const { id, bundle } = await create('i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done');
  await using attachment = monitor.attach(bundle);
  await bench.runtime.start(id);
  await delay(300);
  const { stdout } = await readAll(attachment);
  assert.equal(stdout, Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join(''));
});

test('input arrives whole, and its end ends it', real, async () => {
  const { id, bundle } = await create('exec busybox md5sum', { stdin: true });
  await using attachment = monitor.attach(bundle);
  await bench.runtime.start(id);
  const input = Buffer.alloc(1_000_000, 'some input ');
  await attachment.write(input);
  await attachment.endInput();
  const { createHash } = await import('node:crypto');
  assert.match((await readAll(attachment)).stdout, new RegExp(`^${createHash('md5').update(input).digest('hex')} `));
});

test('a terminal is one: its size is told, its output is one stream, what is typed arrives', real, async () => {
  const script = 'test -t 0 && test -t 1 && test -t 2 && echo tty; read x; busybox stty size; echo got $x >&2';
  const { id, bundle } = await create(script, { terminal: true, stdin: true });
  await using attachment = monitor.attach(bundle);
  await bench.runtime.start(id);
  assert.equal(await readUntil(attachment, 'tty'), 'tty\r\n');
  monitor.resize(bundle, { columns: 132, rows: 43 });
  await delay(100);
  await attachment.write(Buffer.from('abc\n'));
  assert.deepEqual(await readAll(attachment), { stdout: 'abc\r\n43 132\r\ngot abc\r\n', stderr: '' });
  assert.equal(await monitor.wait(bundle, { signal: never }), 0);
  monitor.resize(bundle, { columns: 1, rows: 1 });
});

test('a reader may leave and come back; the container runs on and its log has all', real, async () => {
  const { id, bundle, logPath } = await create('echo one; read x; echo two $x', { stdin: true, keepStdinOpen: true });
  const first = monitor.attach(bundle);
  await bench.runtime.start(id);
  assert.equal(await readUntil(first, 'one'), 'one\n');
  await first.close();
  await using second = monitor.attach(bundle);
  await second.write(Buffer.from('three\n'));
  assert.equal((await readAll(second)).stdout, 'two three\n');
  assert.equal(await monitor.wait(bundle, { signal: never }), 0);
  assert.equal(await logged(logPath), 'one\ntwo three\n');
});

test('a signal ends it with 128 and the signal’s number', real, async () => {
  const { id, bundle } = await create('trap : USR1; echo up; exec busybox sleep 60');
  await using attachment = monitor.attach(bundle);
  await bench.runtime.start(id);
  await readUntil(attachment, 'up');
  assert.equal(await bench.runtime.kill(id, 'KILL'), true);
  assert.equal(await monitor.wait(bundle, { signal: never }), 137);
  assert.equal(await bench.runtime.kill(id, 'KILL'), false);
});

test('when a container has ended its exit command runs, after the code is recorded', real, async () => {
  const mark = join(bench.folder, 'mark');
  const command = ['/bin/sh', '-c', `cat "$0/exit" > ${mark}.new; mv ${mark}.new ${mark}`];
  const { id, bundle } = await create('exit 3', { exitCommand: (bundle) => [...command, bundle] });
  await bench.runtime.start(id);
  assert.equal(await monitor.wait(bundle, { signal: never }), 3);
  while (!existsSync(mark)) await delay(10);
  assert.equal(readFileSync(mark, 'utf8'), '3');
});

test('a command that cannot run is an outcome, and leaves no state', real, async () => {
  const outcome = await created(['nothing-here']);
  assert.deepEqual(outcome, {
    kind: 'not-started',
    code: 127,
    message: '"nothing-here": executable file not found in $PATH',
  });
  assert.equal((await created(['/bin'])).kind, 'not-started');
});

test('what the runtime refuses is a Fault in its words', real, async () => {
  const mounts = [{ kind: 'tmpfs', destination: '/bin/sh' }] as const;
  await assert.rejects(created(['/bin/sh'], { mounts }), {
    name: 'Fault',
    code: 'internal',
    message: /create container m\d+: .*bin\/sh/,
  });
});

test('a monitor that died is noticed', real, async () => {
  const { id, bundle } = await create('exec busybox sleep 60');
  await bench.runtime.start(id);
  const waiting = monitor.wait(bundle, { signal: never });
  killProcess(Number(readFileSync(join(bundle, 'conmon.pid'), 'latin1')), 'SIGKILL');
  await assert.rejects(waiting, { code: 'internal', message: /its monitor died/ });
  await bench.runtime.delete(id);
});

test('waiting can be given up; the container runs on', real, async () => {
  const { id, bundle } = await create('exec busybox sleep 60');
  await bench.runtime.start(id);
  const giving = new AbortController();
  const waiting = monitor.wait(bundle, { signal: giving.signal });
  giving.abort();
  await assert.rejects(waiting, { code: 'cancelled' });
  assert.equal((await bench.runtime.state(id))?.status, 'running');
  await bench.runtime.pause(id);
  assert.equal((await bench.runtime.state(id))?.status, 'paused');
  await bench.runtime.resume(id);
  await bench.runtime.delete(id);
});

test('a missing monitor names the package that has it', real, () => {
  const missing = { executable: '/nowhere/conmon' };
  assert.throws(() => conmonMonitor(missing), { code: 'unavailable', hint: 'apt-get install conmon' });
});

type Changes = Partial<Pick<MonitorOptions, 'terminal' | 'stdin' | 'keepStdinOpen'>> & {
  readonly exitCommand?: (bundle: string) => readonly string[];
};

interface Created {
  readonly id: string;
  readonly bundle: string;
  readonly logPath: string;
}

async function create(script: string, { exitCommand, ...changes }: Changes = {}): Promise<Created> {
  const id = `m${(count += 1)}`;
  const bundle = bench.bundle(id, ['/bin/sh', '-c', script], { terminal: changes.terminal ?? false });
  const logPath = join(bundle, 'log');
  const given = { bundle, runtime: bench.runtime, logPath, terminal: false, stdin: false, signal: never, ...changes };
  const outcome = await monitor.create(id, { ...given, exitCommand: exitCommand?.(bundle) ?? [] });
  assert.equal(outcome.kind, 'created');
  return { id, bundle, logPath };
}

function created(args: readonly string[], changes: Partial<ContainerSpecOptions> = {}) {
  const id = `m${(count += 1)}`;
  const bundle = bench.bundle(id, args, changes);
  const logPath = join(bundle, 'log');
  const { runtime } = bench;
  return monitor.create(id, {
    bundle,
    runtime,
    logPath,
    terminal: false,
    stdin: false,
    exitCommand: [],
    signal: never,
  });
}

async function readAll(attachment: Attachment): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const text = { stdout: '', stderr: '' };
  for (let piece = await attachment.read(); piece !== undefined; piece = await attachment.read()) {
    text[piece.stream] += Buffer.from(piece.bytes).toString();
  }
  return text;
}

async function readUntil(attachment: Attachment, wanted: string): Promise<string> {
  let text = '';
  while (!text.includes(wanted) || !text.endsWith('\n')) {
    const piece = await attachment.read();
    if (piece === undefined) break;
    text += Buffer.from(piece.bytes).toString();
  }
  return text;
}

async function logged(path: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const record of readLog(path, { follow: false, signal: never })) pieces.push(record.bytes);
  return Buffer.concat(pieces).toString();
}
