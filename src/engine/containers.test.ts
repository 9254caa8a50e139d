import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { ContainerBench, never, noContainers, outcomeOf } from './containers.fixture.ts';

const real = { skip: noContainers };
let bench: ContainerBench;

before(() => {
  if (noContainers === false) bench = new ContainerBench();
});

after(async () => {
  if (noContainers === false) await bench[Symbol.asyncDispose]();
});

test('a container runs attached: its output apart, its exit code, and its record afterwards', real, async () => {
  const { id, ...outcome } = await bench.run('echo out; echo err >&2; exit 3', { name: 'first' });
  assert.deepEqual(outcome, { exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  const [summary] = bench.containers.list({ all: true });
  assert.equal(summary?.id, id);
  assert.equal(summary?.name, 'first');
  assert.equal(summary?.command, "sh -c 'echo out; echo err >&2; exit 3'");
  assert.match(summary?.status ?? '', /^Exited \(3\) .* ago$/);
  assert.deepEqual(bench.containers.list({ all: false }), []);
  assert.equal(await bench.containers.wait(id, { signal: never }), 3);
  await bench.containers.remove('first', { force: false });
});

test('a container that removes itself leaves nothing', real, async () => {
  const { id, exitCode } = await bench.run('touch /x; exit 4', { autoRemove: true });
  assert.equal(exitCode, 4);
  assert.throws(() => bench.containers.inspect(id), isFault('not-found', /^no such container/));
});

test('a container that was started without anybody is tidied by its monitor', real, async () => {
  const id = await bench.runDetached('exit 5', { autoRemove: false });
  await until(
    () => bench.store.state.containers.get(id)?.body['life'],
    (life) => kindOf(life) === 'exited',
  );
  assert.equal(state(id)['ExitCode'], 5);
  await until(
    () => bench.store.areas.list(),
    (areas) => !areas.includes(id) || !bench.store.areas.isMounted(id),
  );
  const gone = await bench.runDetached('true', { autoRemove: true });
  await until(
    () => bench.store.state.containers.get(gone),
    (document) => document === undefined,
  );
  await bench.containers.remove(id, { force: false });
});

test('names are unique, IDs may be shortened, random names are made', real, async () => {
  const { id, name } = await bench.create(['true']);
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.match(name, /^[a-z]+_[a-z]+$/);
  assert.equal(bench.containers.inspect(id.slice(0, 12))['Id'], id);
  assert.equal(bench.containers.inspect(`/${name}`)['Id'], id);
  await assert.rejects(bench.create(['true'], { name }), (error: unknown) => {
    assert.ok(Fault.is(error, 'conflict'));
    const text = `The container name "/${name}" is already in use by container "${id}".`;
    assert.ok(error.message.includes(text), error.message);
    return true;
  });
  await assert.rejects(bench.create(['true'], { name: 'a b' }), isFault('invalid', /only \[a-zA-Z0-9\]/));
  await bench.containers.remove(id, { force: false });
});

test('what can be told to be wrong is refused before anything is made', real, async () => {
  await assert.rejects(bench.create(['true'], { image: 'absent' }), isFault('not-found', /no such image/));
  await assert.rejects(bench.create(['true'], { workdir: 'relative' }), isFault('invalid', /absolute path/));
  await assert.rejects(bench.create([], { entrypoint: [] }), isFault('invalid', /no command/));
  await assert.rejects(bench.create(['true'], { volumes: ['a/b:/x'] }), isFault('invalid', /volume name/));
  await assert.rejects(bench.create(['true'], { volumes: ['/x:/'] }), isFault('invalid', /root/));
  await assert.rejects(bench.create(['true'], { volumes: ['/x:/y:rshared'] }), isFault('unsupported', /rshared/));
  await assert.rejects(bench.create(['true'], { securityOpt: ['apparmor=x'] }), isFault('unsupported', /apparmor=x/));
  assert.deepEqual(bench.containers.list({ all: true }), []);
});

test(
  'a command that is not there is 127, one that cannot run 126, all else 125; the container stays created',
  real,
  async () => {
    await failsToStart(['absent'], 127);
    await failsToStart(['/data'], 126);
    await failsToStart(['true'], 125, { user: 'nobody-of-that-name' });
    const { id } = await bench.create(['absent'], { autoRemove: true });
    await assert.rejects(bench.containers.start(id, { attach: true, signal: never }));
    assert.throws(() => bench.containers.inspect(id), isFault('not-found'));
  },
);

test('a container may be started again and keeps what it wrote; one that runs may not', real, async () => {
  const { id, stdout } = await bench.run('echo x >> /n; cat /n');
  assert.equal(stdout, 'x\n');
  const again = await bench.containers.start(id, { attach: true, signal: never });
  assert.deepEqual(await outcomeOf(again), { exitCode: 0, stdout: 'x\nx\n', stderr: '' });
  await bench.containers.remove(id, { force: false });
  const running = await bench.runDetached('sleep 100');
  await assert.rejects(
    bench.containers.start(running, { attach: false, signal: never }),
    isFault('conflict', /running/),
  );
  await assert.rejects(bench.containers.remove(running, { force: false }), isFault('conflict', /running/));
  assert.match(bench.containers.list({ all: false })[0]?.status ?? '', /^Up /);
  await bench.containers.remove(running, { force: true });
});

test('of two that start one container at once, one does', real, async () => {
  const { id } = await bench.create(['sleep', '100']);
  const starts = [1, 2].map(() => bench.containers.start(id, { attach: false, signal: never }));
  const outcomes = (await Promise.allSettled(starts)).map(({ status }) => status);
  assert.deepEqual(outcomes.toSorted(), ['fulfilled', 'rejected']);
  await bench.containers.remove(id, { force: true });
});

test('stop asks first and kills after the time-out; kill sends what it is told', real, async () => {
  const polite = await bench.runDetached("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
  await logged(polite, 'ready');
  await bench.containers.stop(polite, { timeoutMs: 10_000, signal: never });
  assert.equal(state(polite)['ExitCode'], 9);
  const deaf = await bench.runDetached('sleep 100');
  await bench.containers.stop(deaf, { timeoutMs: 100, signal: never });
  assert.equal(state(deaf)['ExitCode'], 137);
  await bench.containers.stop(deaf, { timeoutMs: 100, signal: never });
  assert.throws(() => bench.containers.kill(deaf, 'KILL'), isFault('conflict', /not running/));
  const other = await bench.runDetached("trap 'exit 8' USR1; echo ready; while :; do sleep 0.05; done");
  await logged(other, 'ready');
  assert.throws(() => bench.containers.kill(other, 'BAR'), isFault('invalid', /invalid signal: BAR/));
  bench.containers.kill(other, 'usr1');
  assert.equal(await bench.containers.wait(other, { signal: never }), 8);
  for (const id of [polite, deaf, other]) await bench.containers.remove(id, { force: false });
});

test('signals pass through a session, and input reaches the command', real, async () => {
  const { id } = await bench.create(['sh', '-c', 'read x; echo got $x; cat; exit 6'], { interactive: true });
  const session = await bench.containers.start(id, { attach: true, signal: never });
  await session.write(Buffer.from('one\ntwo\n'));
  session.closeInput();
  assert.deepEqual(await outcomeOf(session), { exitCode: 6, stdout: 'got one\ntwo\n', stderr: '' });
  await bench.containers.remove(id, { force: false });
  const trap = await bench.create(['sh', '-c', "trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done"]);
  const caught = await bench.containers.start(trap.id, { attach: true, signal: never });
  await logged(trap.id, 'ready');
  caught.kill('SIGINT');
  assert.equal((await outcomeOf(caught)).exitCode, 7);
  caught.kill('SIGINT');
  await bench.containers.remove(trap.id, { force: false });
});

test('an abort during the start leaves nothing running or mounted', real, async () => {
  const { id } = await bench.create(['sleep', '100']);
  const controller = new AbortController();
  const start = bench.containers.start(id, { attach: true, signal: controller.signal });
  setTimeout(() => controller.abort(), 15);
  await assert.rejects(start, isFault('cancelled'));
  assert.equal(state(id)['Status'], 'created');
  assert.equal(bench.store.areas.isMounted(id), false);
  assert.deepEqual(bench.store.runtimes.ids(), []);
  await bench.containers.remove(id, { force: false });
});

test('waiting for a container may be given up', real, async () => {
  const id = await bench.runDetached('sleep 100');
  await assert.rejects(bench.containers.wait(id, { signal: AbortSignal.timeout(50) }), isFault('cancelled'));
  await bench.containers.remove(id, { force: true });
});

test('logs give both streams, the last lines, and what is still to come', real, async () => {
  const id = await bench.runDetached('echo one; echo two >&2; sleep 0.4; echo three');
  const lines: string[] = [];
  for await (const { stream, time, bytes } of bench.containers.logs(id, { follow: true, signal: never })) {
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    lines.push(`${stream} ${Buffer.from(bytes).toString()}`);
  }
  assert.deepEqual(lines.toSorted(), ['stderr two\n', 'stdout one\n', 'stdout three\n']);
  await bench.containers.wait(id, { signal: never });
  const tail = await Array.fromAsync(bench.containers.logs(id, { follow: false, tail: 1, signal: never }));
  assert.deepEqual(
    tail.map(({ bytes }) => Buffer.from(bytes).toString()),
    ['three\n'],
  );
  await bench.containers.remove(id, { force: false });
});

test('inspect has what was asked for over the image', real, async () => {
  const { id } = await bench.create(['-c', 'true'], {
    entrypoint: ['sh'],
    env: ['A=b'],
    labels: new Map([['x', 'y']]),
    hostname: 'here',
    volumes: ['/tmp:/host:ro', 'vol:/vol', '/anonymous'],
    memoryBytes: 64 << 20,
    cpus: 0.5,
    capAdd: ['NET_ADMIN'],
    autoRemove: true,
  });
  const found = bench.containers.inspect(id) as unknown as Inspected;
  assert.equal(found.Path, 'sh');
  assert.deepEqual(found.Args, ['-c', 'true']);
  assert.deepEqual(found.Config['Entrypoint'], ['sh']);
  assert.deepEqual(found.Config['Cmd'], ['-c', 'true']);
  assert.deepEqual(found.Config['Env'], ['A=b']);
  assert.deepEqual(found.Config['Labels'], { x: 'y' });
  assert.equal(found.Config['Hostname'], 'here');
  assert.equal(found.HostConfig['NanoCpus'], 500_000_000);
  assert.equal(found.HostConfig['Memory'], 67_108_864);
  assert.deepEqual(found.HostConfig['Binds'], ['/tmp:/host:ro', 'vol:/vol']);
  assert.deepEqual(
    found.Mounts.map(({ Type, Destination, RW }) => `${Type} ${Destination} ${RW}`),
    ['volume /anonymous true', 'bind /host false', 'volume /vol true'],
  );
  assert.equal(found.State['Status'], 'created');
  assert.equal(found.State['StartedAt'], '0001-01-01T00:00:00Z');
  await bench.containers.remove(id, { force: false, volumes: true });
});

test('what Docker isolates is isolated, and what is asked for is granted', real, async () => {
  const { stdout } = await bench.run(
    'echo $$; cat /proc/1/comm; hostname; cat /etc/hostname; env; id -u; echo x > /proc/sys/kernel/domainname; echo $?; ls /proc/1/fd',
    { hostname: 'boxed', network: 'none', env: ['A=b', 'PATH=/bin'], workdir: '/data', user: '7:8', autoRemove: true },
  );
  assert.match(stdout, /^1\nsh\nboxed\nboxed\n/);
  for (const line of ['A=b', 'PATH=/bin', 'HOSTNAME=boxed', 'PWD=/data', 'HOME=/', '7', '1']) {
    assert.ok(stdout.split('\n').includes(line), line);
  }
  const readOnly = await bench.run('touch /x; touch /dev/shm/y && echo written', { readOnly: true, autoRemove: true });
  assert.equal(readOnly.stdout, 'written\n');
  assert.match(readOnly.stderr, /Read-only/);
  const granted = await bench.run('grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status', {
    capDrop: ['ALL'],
    capAdd: ['CHOWN'],
    securityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    entrypoint: ['busybox', 'sh', '-c', 'busybox grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status'],
    command: [],
    autoRemove: true,
  });
  assert.equal(granted.stdout, 'CapEff:\t0000000000000001\nNoNewPrivs:\t1\nSeccomp:\t0\n');
});

test('with a terminal all output is one stream, and its size can be set', real, async () => {
  const { id } = await bench.create(['sh', '-c', 'tty; read x; busybox stty size; echo err >&2'], {
    tty: true,
    interactive: true,
  });
  const session = await bench.containers.start(id, { attach: true, signal: never });
  session.resize({ columns: 132, rows: 43 });
  await delay(100);
  await session.write(Buffer.from('\n'));
  const { stdout, stderr, exitCode } = await outcomeOf(session);
  assert.equal(exitCode, 0);
  assert.equal(stderr, '');
  assert.match(stdout, /^\/dev\/pts\/0\r\n[^]*43 132\r\nerr\r\n$/);
  await bench.containers.remove(id, { force: false });
});

test('an init reaps and passes signals on', real, async (t) => {
  const { existsSync } = await import('node:fs');
  if (!existsSync('/usr/bin/tini-static')) return t.skip('tini is not installed');
  const { stdout } = await bench.run('cat /proc/1/comm; echo $$', { init: true, autoRemove: true });
  assert.match(stdout, /^init\n\d+\n$/);
});

interface Inspected {
  readonly Path: string;
  readonly Args: readonly string[];
  readonly Config: Readonly<Record<string, unknown>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly State: Readonly<Record<string, unknown>>;
  readonly Mounts: readonly { readonly Type: string; readonly Destination: string; readonly RW: boolean }[];
}

function state(id: string): Readonly<Record<string, unknown>> {
  return (bench.containers.inspect(id) as unknown as Inspected).State;
}

async function failsToStart(
  command: readonly string[],
  exitCode: number,
  changes: Parameters<ContainerBench['create']>[1] = {},
): Promise<void> {
  const { id } = await bench.create(command, changes);
  await assert.rejects(bench.containers.start(id, { attach: true, signal: never }), (error: unknown) => {
    assert.ok(Fault.is(error));
    assert.equal((error as Fault & { readonly exitCode?: number }).exitCode, exitCode);
    return true;
  });
  assert.equal(state(id)['Status'], 'created');
  assert.equal(state(id)['ExitCode'], exitCode);
  assert.notEqual(state(id)['Error'], '');
  assert.equal(bench.store.areas.isMounted(id), false);
  await bench.containers.remove(id, { force: false });
}

async function logged(id: string, text: string): Promise<void> {
  for await (const { bytes } of bench.containers.logs(id, { follow: true, signal: never })) {
    if (Buffer.from(bytes).toString().includes(text)) return;
  }
}

async function until<T>(look: () => T, isIt: (value: T) => boolean): Promise<void> {
  for (let tries = 0; !isIt(look()); tries++) {
    assert.ok(tries < 200, 'it did not come to be');
    await delay(50);
  }
}

function kindOf(life: unknown): unknown {
  return (life as { readonly kind?: unknown } | undefined)?.kind;
}

function isFault(code: string, message = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(Fault.is(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}
