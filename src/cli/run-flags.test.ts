import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { parseFlags } from './flags.ts';
import { runFlags, runOptions } from './run-flags.ts';

type Options = ReturnType<typeof runOptions>;

function read(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Options {
  const { flags } = parseFlags(argv, runFlags, { stopAtOperand: false });
  return runOptions(flags, env);
}

function refusal(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  try {
    return JSON.stringify(read(argv, env));
  } catch (error) {
    assert.ok(Fault.is(error));
    return error.message;
  }
}

test('without a flag there is nothing to say', () => {
  assert.deepEqual(read([]), {});
});

test('limits of RUN are read as docker build writes them', () => {
  const line = `--add-host a:1.2.3.4 --add-host b=[::1] --add-host c:host-gateway --shm-size 1g --ulimit nofile=5:6
    --ulimit nproc=7 --ulimit core=3:-1 -m 64m --memory-swap -1 --cpus 1.5 --cpu-shares 2 --cpu-period 3 --cpu-quota 4 --cpuset-cpus 0-1
    --cpuset-mems 0 --cgroup-parent /x`;
  assert.deepEqual(read(line.split(/\s+/)).run, {
    extraHosts: [
      { name: 'a', address: '1.2.3.4' },
      { name: 'b', address: '::1' },
      { name: 'c', address: 'host-gateway' },
    ],
    shmSizeBytes: 2 ** 30,
    rlimits: [
      { type: 'RLIMIT_NOFILE', soft: 5, hard: 6 },
      { type: 'RLIMIT_NPROC', soft: 7, hard: 7 },
      { type: 'RLIMIT_CORE', soft: 3, hard: Infinity },
    ],
    limits: {
      memoryBytes: 2 ** 26,
      memorySwapBytes: -1,
      cpus: 1.5,
      cpuPeriodUs: 3,
      cpuQuotaUs: 4,
      cpuShares: 2,
      cpusetCpus: '0-1',
      cpusetMems: '0',
    },
    cgroupParent: '/x',
  });
});

test('wrong values name their flag', () => {
  const wrong: ReadonlyArray<readonly [string[], RegExp]> = [
    [['--add-host', 'a'], /bad format for add-host: "a"/],
    [['--add-host', 'a:nowhere'], /bad format for add-host/],
    [['--add-host', 'a b:1.2.3.4'], /bad format for add-host/],
    [['--ulimit', 'nofile'], /invalid ulimit argument: nofile/],
    [['--ulimit', 'nofile=-1:3'], /soft limit must be less than or equal to hard limit: -1 > 3/],
    [['--ulimit', 'files=3'], /invalid ulimit type: files/],
    [['--ulimit', 'nofile=3:2'], /soft limit must be less than or equal to hard limit: 3 > 2/],
    [['--shm-size', 'x'], /invalid size: 'x'/],
    [['--memory', '-3'], /invalid size: '-3'/],
    [['--cpus', 'x'], /invalid argument "x" for "--cpus"/],
    [['--cpu-quota', '1.5'], /invalid argument "1.5" for "--cpu-quota"/],
    [['--cpuset-cpus', '0;1'], /invalid argument "0;1" for "--cpuset-cpus"/],
    [['--secret', 'x'], /--secret x: invalid field 'x' must be a key=value pair/],
    [['--secret', 'src=x'], /--secret src=x: the id is missing/],
    [['--secret', 'id=x,from=y'], /unexpected key 'from' in 'from=y'/],
    [['--secret', 'id=x,type=vault'], /unsupported secret type "vault"/],
    [['--secret', 'id=x,src=/nowhere'], /--secret id=x: there is no file \/nowhere/],
    [['--secret', `id=x,src=${tmpdir()}`], /--secret id=x: .* is a directory/],
    [['--ssh', 'default'], /invalid empty ssh agent socket/],
    [['--ssh', '=x'], /the id is missing/],
    [['--ssh', 'x=/nowhere'], /--ssh x=\/nowhere: there is no file \/nowhere/],
  ];
  for (const [argv, message] of wrong) assert.match(refusal(argv), message);
});

test('a secret is a file, or a variable of this environment; by its id alone the variable comes first', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, 'content');
  const env = { TOKEN: 'abc', [path]: 'of the environment' };
  const of = (given: string): unknown => [...(read(['--secret', given], env).secrets ?? [])][0];
  assert.deepEqual(of(`id=a,src=${path}`), ['a', { kind: 'file', path }]);
  assert.deepEqual(of(`ID=a,Source=${path},type=file`), ['a', { kind: 'file', path }]);
  assert.deepEqual(of('id=a,env=TOKEN'), ['a', { kind: 'value', value: 'abc' }]);
  assert.deepEqual(of('id=a,type=env,src=TOKEN'), ['a', { kind: 'value', value: 'abc' }]);
  assert.deepEqual(of('id=a,env=NOT_SET'), ['a', { kind: 'value', value: '' }]);
  assert.deepEqual(of('id=TOKEN'), ['TOKEN', { kind: 'value', value: 'abc' }]);
  assert.deepEqual(of(`id=${path},type=file`), [path, { kind: 'file', path }]);
});

test('--ssh takes the agent of this environment, a socket or keys, and not both', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [socket, key] = [join(folder, 'socket'), join(folder, 'key')];
  writeFileSync(key, '');
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const of = (given: string): unknown => [...(read(['--ssh', given], { SSH_AUTH_SOCK: socket }).ssh ?? [])][0];
  assert.deepEqual(of('default'), ['default', { kind: 'socket', path: socket }]);
  assert.deepEqual(of(`a=${socket}`), ['a', { kind: 'socket', path: socket }]);
  assert.deepEqual(of(`a=${key},${key}`), ['a', { kind: 'keys', paths: [key, key] }]);
  assert.match(refusal(['--ssh', `a=${key},${socket}`]), /either one socket or keys/);
});
