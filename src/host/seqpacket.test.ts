import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { findExecutable } from './executable.ts';
import { connectSeqpacket } from './seqpacket.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';

const python = findExecutable('python3');
const withServer = { skip: python === undefined && 'the test server needs python3' };

/** Serves one connection at a time with `session`, a body in Python that has the connection as `c`. */
async function serve(directory: string, session: string): Promise<ChildProcess> {
  const program = [
    'import socket, os, sys, time',
    'os.chdir(sys.argv[1])',
    's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)',
    's.bind("s"); s.listen(5); print("ready", flush=True)',
    'while True:',
    '  c, _ = s.accept()',
    `  ${session}`,
    '  c.close()',
  ].join('\n');
  const child = spawn(python ?? '', ['-c', program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

test(
  'messages come and go with their bounds, also below a long path; the end of the other side is undefined',
  withServer,
  async () => {
    using dir = temporaryDirectory();
    const deep = join(dir.path, 'n'.repeat(200));
    mkdirSync(deep);
    const server = await serve(deep, 'c.send(c.recv(100) + b"!"); time.sleep(0.1); c.send(b"two"); c.send(b"three")');
    try {
      await using socket = connectSeqpacket(join(deep, 's'));
      await socket.write(Buffer.from('one'));
      const got: string[] = [];
      for (let message = await socket.read(); message !== undefined; message = await socket.read()) {
        got.push(Buffer.from(message).toString());
      }
      assert.deepEqual(got, ['one!', 'two', 'three']);
    } finally {
      await stop(server);
    }
  },
);

test('closing ends a read that waits, and leaves no descriptor', withServer, async () => {
  using dir = temporaryDirectory();
  const server = await serve(dir.path, 'c.recv(1)');
  try {
    const once = async (): Promise<void> => {
      const socket = connectSeqpacket(join(dir.path, 's'));
      const waiting = socket.read();
      await socket.close();
      assert.equal(await waiting, undefined);
      await socket.close();
      await assert.rejects(socket.write(Buffer.alloc(1)), (error) => Fault.is(error, 'unavailable'));
    };
    await once();
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 5; round += 1) await once();
    assert.equal(readdirSync('/proc/self/fd').length, before);
  } finally {
    await stop(server);
  }
});

test('a write waits for a slow reader and fails when there is none any more', withServer, async () => {
  using dir = temporaryDirectory();
  const server = await serve(
    dir.path,
    'time.sleep(0.05); n = [len(c.recv(70000)) for _ in range(20)]; c.send(str(sum(n)).encode())',
  );
  try {
    await using socket = connectSeqpacket(join(dir.path, 's'));
    for (let round = 0; round < 20; round += 1) await socket.write(Buffer.alloc(50_000));
    assert.equal(Buffer.from((await socket.read()) ?? []).toString(), '1000000');
    assert.equal(await socket.read(), undefined);
    await assert.rejects(socket.write(Buffer.from('x')), (error) => Fault.is(error, 'unavailable'));
  } finally {
    await stop(server);
  }
});

test('nobody at the other end is a fault', () => {
  using dir = temporaryDirectory();
  assert.throws(
    () => connectSeqpacket(join(dir.path, 'no')),
    (error) => Fault.is(error, 'not-found'),
  );
  assert.throws(
    () => connectSeqpacket('/no/such/directory/s'),
    (error) => Fault.is(error, 'not-found'),
  );
});
