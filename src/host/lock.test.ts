import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { isLocked, lock, tryLock } from './lock.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';

const door = join(import.meta.dirname, 'lock.ts');

/** A process that takes the lock and keeps it until it is killed. */
async function holder(path: string): Promise<{ readonly kill: () => Promise<void> }> {
  const program = `
    const { tryLock } = await import(${JSON.stringify(door)});
    globalThis.held = tryLock(${JSON.stringify(path)}, 'exclusive');
    console.log(held === undefined ? 'refused' : 'held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve));
  assert.equal(said.toString().trim(), 'held');
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  const kill = (): Promise<void> => {
    child.kill('SIGKILL');
    return ended;
  };
  return { kill };
}

test('a lock excludes others, in the same process too, until it is released', () => {
  using dir = temporaryDirectory();
  const path = join(dir.path, 'lock');
  assert.equal(isLocked(path), false);
  const first = tryLock(path, 'exclusive');
  assert.ok(first);
  assert.equal(tryLock(path, 'exclusive'), undefined);
  assert.equal(tryLock(path, 'shared'), undefined);
  assert.equal(isLocked(path), true);
  first.release();
  first.release();
  assert.equal(isLocked(path), false);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('shared locks stand together and keep an exclusive one out', () => {
  using dir = temporaryDirectory();
  const path = join(dir.path, 'lock');
  using one = tryLock(path, 'shared');
  using two = tryLock(path, 'shared');
  assert.ok(one && two);
  assert.equal(tryLock(path, 'exclusive'), undefined);
  assert.equal(isLocked(path), false);
});

test('the lock of a process that was killed is free again', async () => {
  using dir = temporaryDirectory();
  const path = join(dir.path, 'lock');
  const other = await holder(path);
  try {
    assert.equal(tryLock(path, 'exclusive'), undefined);
    assert.equal(isLocked(path), true);
    const waiting = lock(path, 'exclusive');
    await other.kill();
    (await waiting).release();
  } finally {
    await other.kill();
  }
});

test('waiting ends when the lock is free, when the time is over, or when it is cancelled', async () => {
  using dir = temporaryDirectory();
  const path = join(dir.path, 'lock');
  const held = tryLock(path, 'exclusive');
  await assert.rejects(lock(path, 'shared', { timeoutMs: 20 }), (error) => Fault.is(error, 'conflict'));
  const abort = new AbortController();
  const cancelled = assert.rejects(lock(path, 'shared', { signal: abort.signal }), (error) =>
    Fault.is(error, 'cancelled'),
  );
  abort.abort();
  await cancelled;
  await assert.rejects(lock(path, 'shared', { signal: abort.signal }), (error) => Fault.is(error, 'cancelled'));
  const waiting = lock(path, 'exclusive');
  held?.release();
  (await waiting).release();
});

test('a lock whose file was removed is nobody else’s: who waited makes a new file', async () => {
  using dir = temporaryDirectory();
  const path = join(dir.path, 'lock');
  const first = tryLock(path, 'exclusive');
  const waiting = lock(path, 'exclusive');
  first?.remove();
  const second = await waiting;
  assert.ok(existsSync(path));
  assert.equal(tryLock(path, 'exclusive'), undefined);
  second.remove();
  assert.deepEqual(readdirSync(dir.path), []);
  assert.throws(
    () => second.remove(),
    (error) => Fault.is(error, 'internal'),
  );
});

test('a program that was started holds no lock of ours, and refused attempts leave no descriptor', async () => {
  using dir = temporaryDirectory();
  const path = join(dir.path, 'lock');
  const held = tryLock(path, 'exclusive');
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('spawn', resolve));
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 10; round += 1) assert.equal(tryLock(path, 'shared'), undefined);
  assert.equal(readdirSync('/proc/self/fd').length, before);
  held?.release();
  const free = !isLocked(path);
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
  assert.ok(free);
});

test('a lock is not taken through a symlink, nor below what is no directory', () => {
  using dir = temporaryDirectory();
  writeFileSync(join(dir.path, 'f'), '');
  assert.throws(
    () => tryLock(join(dir.path, 'f/lock'), 'shared'),
    (error) => Fault.is(error, 'invalid'),
  );
  assert.throws(
    () => tryLock('/proc/self/exe', 'shared'),
    (error) => Fault.is(error),
  );
});
