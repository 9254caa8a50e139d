import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { findExecutable } from './executable.ts';
import { bootId, processAlive, processStartTime } from './process-identity.ts';
import { killProcess, spawnProcess } from './process.ts';
import { run } from './run.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';

const shell = '/bin/sh';
const env = { PATH: '/usr/bin:/bin' };

test('a run gives code and output, whatever the code', async () => {
  const result = await run(shell, ['-c', 'cat; echo err >&2; exit 3'], { env, stdin: Buffer.from('in') });
  assert.deepEqual(
    [result.code, result.signal, result.stdout.toString(), result.stderr.toString()],
    [3, null, 'in', 'err\n'],
  );
  assert.equal((await run(shell, ['-c', 'kill -9 $$'], { env })).signal, 'SIGKILL');
});

test('a program gets the environment and directory it was given and nothing else', async () => {
  using dir = temporaryDirectory();
  const result = await run('/usr/bin/env', [], { env: { ONLY: 'this' } });
  assert.equal(result.stdout.toString(), 'ONLY=this\n');
  assert.equal((await run('/bin/pwd', ['-P'], { env, cwd: dir.path })).stdout.toString(), `${dir.path}\n`);
});

test('no descriptor of ours reaches a program, nor one that was left open to us (CVE-2024-21626)', async () => {
  const fd = openSync('/etc/passwd', 'r');
  const program = `
    const { run } = await import(${JSON.stringify(join(import.meta.dirname, 'run.ts'))});
    const result = await run('/bin/ls', ['/proc/self/fd'], { env: {} });
    console.log(result.stdout.toString().trim().split('\\n').join());`;
  const child = await spawnProcess(process.execPath, ['--input-type=module', '-e', program], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit', fd, fd, fd],
  });
  closeSync(fd);
  assert.equal(await text(child.stdout as Readable), '0,1,2,3\n');
  await child.ended;
});

test('output goes to callbacks as it comes; what one throws ends the program and comes out', async () => {
  const chunks: string[] = [];
  const onStdout = (chunk: Uint8Array): void => void chunks.push(Buffer.from(chunk).toString());
  const result = await run(shell, ['-c', 'echo a; echo b >&2'], { env, onStdout });
  assert.deepEqual([chunks.join(''), result.stdout.length, result.stderr.toString()], ['a\n', 0, 'b\n']);
  const failing = run(shell, ['-c', 'echo a; sleep 60'], {
    env,
    onStdout: () => {
      throw new Error('enough');
    },
  });
  await assert.rejects(failing, { message: 'enough' });
});

test('too much output, too long a time and a cancellation end the program with all it started', async () => {
  using dir = temporaryDirectory();
  const pidFile = join(dir.path, 'pid');
  const script = `sleep 60 & echo $! > ${pidFile}; wait`;
  await assert.rejects(run(shell, ['-c', script], { env, timeoutMs: 200 }), (error) => Fault.is(error, 'unavailable'));
  assert.equal(processStartTime(Number(readFileSync(pidFile, 'utf8'))), undefined);
  await assert.rejects(run('/usr/bin/yes', [], { env, maxOutputBytes: 1000 }), (error) => Fault.is(error, 'exhausted'));
  const abort = new AbortController();
  const cancelled = run(shell, ['-c', 'echo started; sleep 60'], {
    env,
    signal: abort.signal,
    onStdout: () => abort.abort(),
  });
  await assert.rejects(cancelled, (error) => Fault.is(error, 'cancelled'));
  await assert.rejects(run(shell, [], { env, signal: abort.signal }), (error) => Fault.is(error, 'cancelled'));
});

test('a program that does not read its input is no failure', async () => {
  const result = await run('/bin/true', [], { env, stdin: Buffer.alloc(1 << 20) });
  assert.equal(result.code, 0);
});

test('a program that is missing or may not be run is a fault with a hint', async () => {
  using dir = temporaryDirectory();
  const file = join(dir.path, 'file');
  writeFileSync(file, '', { mode: 0o644 });
  await assert.rejects(
    run('/no/program', [], { env }),
    (error) => Fault.is(error, 'not-found') && error.hint !== undefined,
  );
  await assert.rejects(run(file, [], { env }), (error) => Fault.is(error, 'denied'));
});

test('a process has the further descriptors it was given, and is killed with its group', async () => {
  const child = await spawnProcess(shell, ['-c', 'echo three >&3; sleep 60 & wait'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    ownGroup: true,
  });
  const third = child.streams.get(3) as Readable;
  const said = text(third);
  await new Promise((resolve) => third.once('readable', resolve));
  const startTime = processStartTime(child.pid);
  assert.ok(startTime !== undefined && processAlive(child.pid, startTime));
  assert.equal(processAlive(child.pid, '1'), false);
  child.kill('SIGKILL');
  assert.deepEqual(await child.ended, { code: null, signal: 'SIGKILL' });
  assert.equal(await said, 'three\n');
  assert.equal(processAlive(child.pid, startTime), false);
  child.kill('SIGKILL');
  assert.equal(killProcess(child.pid, 'SIGKILL'), false);
});

test('a process that has ended and was not reaped does not run', async () => {
  const script = 'sleep 0 & echo $!; exec sleep 60';
  const child = await spawnProcess(shell, ['-c', script], { env, stdio: ['ignore', 'pipe', 'ignore'], ownGroup: true });
  const stdout = child.stdout as Readable;
  const zombie = await new Promise<number>((resolve) => stdout.once('data', (data: Buffer) => resolve(Number(data))));
  while (!/^State:\tZ/m.test(readFileSync(`/proc/${zombie}/status`, 'latin1'))) await new Promise(setImmediate);
  assert.equal(processStartTime(zombie), undefined);
  child.kill('SIGKILL');
  await child.ended;
});

test('runs leave no descriptor open', async () => {
  await run('/bin/true', [], { env });
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 5; round += 1) await run('/bin/true', [], { env });
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('a program is found in the first directory that has it, as a file that may be run', () => {
  using dir = temporaryDirectory();
  const program = join(dir.path, 'sh');
  writeFileSync(program, '', { mode: 0o755 });
  writeFileSync(join(dir.path, 'data'), '', { mode: 0o644 });
  assert.equal(findExecutable('sh', `${dir.path}:/bin`), program);
  assert.equal(findExecutable('data', dir.path), undefined);
  assert.equal(findExecutable('tmp', '/'), undefined);
  assert.ok(existsSync(findExecutable('sh') ?? ''));
  assert.equal(findExecutable(program), program);
  assert.equal(findExecutable('./sh', dir.path), undefined);
});

test('the boot has an id, and numbers that name no process are refused', () => {
  assert.match(bootId(), /^[0-9a-f-]{36}$/);
  assert.equal(bootId(), bootId());
  assert.throws(
    () => processStartTime(-1),
    (error) => Fault.is(error, 'invalid'),
  );
});
