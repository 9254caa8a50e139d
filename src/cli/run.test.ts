import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { createDetachScanner } from './attach.ts';
import { containerId } from './fake-containers.fixture.ts';
import { createFakeEngine } from './fake-engine.fixture.ts';
import type { FakeEngine } from './fake-engine.fixture.ts';
import { openInput, runCli } from './terminal.fixture.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const alone = { stream: 'stdout', bytes: bytes('hello\n') } as const;

function fakeWith(container: Partial<FakeEngine['container']>): FakeEngine {
  const fake = createFakeEngine();
  Object.assign(fake.container, container);
  return fake;
}

/** What the engine was asked to create. */
function created(fake: FakeEngine): Readonly<Record<string, unknown>> {
  const call = fake.calls.find(([name]) => name === 'create');
  assert.ok(call);
  return call[1] as Readonly<Record<string, unknown>>;
}

test('every flag of run reaches the engine, and what follows the image is the command', async () => {
  const line = `run --rm -it -e A=1 -e HOME -w /w -u 1:2 -v ./src:/src:ro -v data:/d --name n --network none --read-only
    --entrypoint sh -h box -l a=1 --label b --init --privileged --cap-add NET_ADMIN --cap-drop ALL --security-opt no-new-privileges
    -m 512m --cpus 1.5 --pids-limit 100 --stop-signal INT --pull never clit ls --rm -e X`;
  const { fake, code } = await runCli(line.split(/\s+/), { env: { HOME: '/root' }, stdinIsTty: true });
  assert.equal(code, 0);
  assert.deepEqual(fake.calls[0], [
    'create',
    {
      image: 'clit',
      command: ['ls', '--rm', '-e', 'X'],
      env: ['A=1', 'HOME=/root'],
      volumes: [`${resolve('src')}:/src:ro`, 'data:/d'],
      network: 'none',
      readOnly: true,
      tty: true,
      interactive: true,
      autoRemove: true,
      init: true,
      privileged: true,
      capAdd: ['NET_ADMIN'],
      capDrop: ['ALL'],
      securityOpt: ['no-new-privileges'],
      labels: [
        ['a', '1'],
        ['b', ''],
      ],
      pull: 'never',
      name: 'n',
      entrypoint: ['sh'],
      workdir: '/w',
      user: '1:2',
      hostname: 'box',
      memoryBytes: 2 ** 29,
      cpus: 1.5,
      pidsLimit: 100,
      stopSignal: 'SIGINT',
    },
  ]);
});

test('without flags a container has the host network and nothing is set', async () => {
  const { fake } = await runCli(['create', 'clit']);
  const options = created(fake);
  assert.equal(options['network'], 'host');
  assert.equal(options['pull'], 'missing');
  for (const absent of ['name', 'entrypoint', 'workdir', 'user', 'hostname', 'memoryBytes', 'stopSignal']) {
    assert.equal(Object.hasOwn(options, absent), false, absent);
  }
});

test("an empty entrypoint takes the image's away", async () => {
  const { fake } = await runCli(['create', '--entrypoint', '', 'clit']);
  assert.deepEqual(created(fake)['entrypoint'], []);
});

test('an environment file comes before the variables of the command line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'env'), '# comment\nA=file\nB=2\n');
  const { fake } = await runCli(['create', '-e', 'A=flag', '--env-file', join(folder, 'env'), 'clit']);
  assert.deepEqual(created(fake)['env'], ['A=file', 'B=2', 'A=flag']);
});

test("run gives the container's output on the right streams and its exit code", async () => {
  const fake = fakeWith({ output: [alone, { stream: 'stderr', bytes: bytes('oops\n') }], exitCode: 42 });
  const { code, stdout, stderr } = await runCli(['run', 'clit', 'false'], { fake });
  assert.deepEqual({ code, stdout, stderr }, { code: 42, stdout: 'hello\n', stderr: 'oops\n' });
  assert.equal(fake.disposed, true);
});

test('run -d prints the full ID and does not attach', async () => {
  const { stdout, fake } = await runCli(['run', '-d', 'clit']);
  assert.equal(stdout, `${containerId}\n`);
  assert.deepEqual(fake.calls[1], ['start', containerId, { attach: false }]);
});

/** How the engine fails, and the exit codes of `run`, `create` and `start`, as Docker's. */
const failures: readonly (readonly [string, Error, number])[] = [
  ['the engine fails', new Fault('unavailable', 'start clit: runc is missing'), 125],
  [
    'the command cannot be run',
    Object.assign(new Fault('denied', 'exec /etc: permission denied'), { exitCode: 126 }),
    126,
  ],
  ['the command is not found', Object.assign(new Fault('not-found', 'exec nocmd: not found'), { exitCode: 127 }), 127],
];

for (const [title, startFault, code] of failures) {
  test(`run exits with ${code} when ${title}`, async () => {
    const run = await runCli(['run', 'clit'], { fake: fakeWith({ startFault }) });
    assert.equal(run.code, code);
    assert.equal(run.stderr, `Error: ${startFault.message}\n`);
    assert.equal((await runCli(['start', 'clit'], { fake: fakeWith({ startFault }) })).code, 1);
  });
}

test('an image that is not there is 125 for run and 1 for create', async () => {
  assert.equal((await runCli(['run', 'nope'])).code, 125);
  assert.equal((await runCli(['create', 'nope'])).code, 1);
});

test('a flag that is wrong is 125 and names itself', async () => {
  const { code, stderr } = await runCli(['run', '--gpus', 'all', 'clit']);
  assert.equal(code, 125);
  assert.match(stderr, /^Error: unknown flag: --gpus\n/);
});

test('warnings of a new container go to standard error', async () => {
  const { stdout, stderr } = await runCli(['create', '--cpus', '99', 'clit']);
  assert.equal(stdout, `${containerId}\n`);
  assert.equal(stderr, 'WARNING: this machine has no cpu controller\n');
});

test('the input reaches the container, and its end too', async () => {
  const fake = fakeWith({ readsInput: true });
  await runCli(['run', '-i', 'clit', 'cat'], { fake, stdin: 'some input' });
  assert.deepEqual(fake.calls.slice(2), [['write', 'some input'], ['closeInput']]);
});

test('without -i nothing is read', async () => {
  const { fake } = await runCli(['run', 'clit', 'cat'], { stdin: 'some input' });
  assert.deepEqual(fake.calls.slice(2), []);
});

test('-it takes the terminal as it is needed, tells its size, and gives it back', async () => {
  const run = await runCli(['run', '-it', 'clit'], { stdinIsTty: true, stdoutIsTty: true, stdin: openInput() });
  assert.deepEqual(run.rawModes, [true, false]);
  const start = run.fake.calls.find((call) => call[0] === 'start');
  assert.match(JSON.stringify(start), /"terminalSize":\{"columns":80,"rows":24\}/);
});

test('-it without a terminal creates nothing', async () => {
  const { code, stderr, fake } = await runCli(['run', '-it', 'clit']);
  assert.equal(code, 125);
  assert.match(stderr, /^Error: the input device is not a TTY\n/);
  assert.deepEqual(fake.calls, []);
});

test('Ctrl-P Ctrl-Q leaves the container running', async () => {
  const stdin = openInput();
  stdin.write('abc\x10\x11');
  const fake = fakeWith({ readsInput: true });
  const { code, stderr, rawModes } = await runCli(['run', '-it', 'clit'], { fake, stdin, stdinIsTty: true });
  assert.deepEqual([code, stderr, rawModes], [0, 'read escape sequence\n', [true, false]]);
  assert.deepEqual(fake.calls.at(-1), ['write', 'abc']);
});

test('the detach keys are found across two reads; a lone Ctrl-P is passed on', () => {
  const scan = createDetachScanner();
  const text = (input: string): unknown => {
    const { pass, detached } = scan(bytes(input));
    return [Buffer.from(pass).toString(), detached];
  };
  assert.deepEqual(text('a\x10'), ['a', false]);
  assert.deepEqual(text('b'), ['\x10b', false]);
  assert.deepEqual(text('\x10\x10'), ['\x10', false]);
  assert.deepEqual(text('\x11c'), ['', true]);
});

test('signals pass through to the attached container', async () => {
  const fake = fakeWith({ waitsForSignal: true, exitCode: 130 });
  const { code } = await runCli(['run', 'clit'], {
    fake,
    onStart: (signals) => void setTimeout(() => signals.emit('SIGINT'), 20),
  });
  assert.equal(code, 130);
  assert.deepEqual(fake.calls.at(-1), ['session.kill', 'SIGINT']);
});

test('the third Ctrl-C in a row leaves a container that does not listen', async () => {
  const fake = fakeWith({ waitsForSignal: true });
  const { forcedExits } = await runCli(['run', 'clit'], {
    fake,
    onStart: (signals) =>
      void setTimeout(() => {
        for (let press = 0; press < 3; press++) signals.emit('SIGINT');
      }, 20),
  });
  assert.deepEqual(forcedExits, [130]);
});

test('start prints the names, start -a is the container', async () => {
  const plain = await runCli(['start', 'clit', 'nope', 'q1']);
  assert.deepEqual([plain.code, plain.stdout, plain.stderr], [1, 'clit\nq1\n', 'Error: no such container: nope\n']);
  const attached = await runCli(['start', '-a', 'clit'], { fake: fakeWith({ output: [alone], exitCode: 4 }) });
  assert.deepEqual([attached.code, attached.stdout], [4, 'hello\n']);
  assert.equal((await runCli(['start', '-a', 'clit', 'q1'])).code, 1);
});
