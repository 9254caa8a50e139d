import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createFakeEngine } from './fake-engine.fixture.ts';
import { assertGolden, runCli } from './terminal.fixture.ts';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('version opens no engine', async () => {
  const { code, stdout, opened } = await runCli(['version', '--format', '{{.Version}} {{.Server.Version}}']);
  assert.deepEqual([code, stdout, opened], [0, '0.1.0 0.1.0\n', []]);
  assert.equal((await runCli(['--version'])).stdout, 'varve version 0.1.0\n');
});

test('version loads no other command and no engine', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { runCli } = await import(${JSON.stringify(join(import.meta.dirname, 'terminal.fixture.ts'))});
    loaded.length = 0;
    await runCli(['version']);
    console.log(loaded.map((url) => url.split('/src/cli/')[1]).join(' '));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(output, 'commands/version.ts command.ts\n');
});

test('the store is where --root says; what is not said is left open', async () => {
  assert.deepEqual((await runCli(['--root', '/a', '--run-root=/r', 'ps'])).opened, [{ root: '/a', runRoot: '/r' }]);
  assert.deepEqual((await runCli(['--runtime', 'runc', 'ps'])).opened, [{ runtime: 'runc' }]);
  assert.deepEqual((await runCli(['--runtime', 'runc', 'create', '--runtime', 'crun', 'busybox'])).opened, [
    { runtime: 'crun' },
  ]);
  assert.deepEqual((await runCli(['ps'], { env: { VARVE_ROOT: '/b' } })).opened, [{}]);
});

test('the engine is opened once and disposed of, also after a failure', async () => {
  const run = await runCli(['rm', 'nope', 'q1']);
  assert.equal(run.opened.length, 1);
  assert.equal(run.fake.disposed, true);
});

test('--debug shows where an error comes from', async () => {
  const { stderr } = await runCli(['--debug', 'pull', 'nope']);
  assert.match(
    stderr,
    /^Error: pull nope: no such image\nhint: is the name right\?\nFault: pull nope: no such image\n {4}at /,
  );
});

test('an error that nobody foresaw says that it is a mistake in varve', async () => {
  const fake = createFakeEngine();
  fake.buildFault = new TypeError('x is undefined');
  const { code, stderr } = await runCli(['build', '-q', '.'], { fake });
  assert.equal(code, 1);
  assert.match(stderr, /^ERROR: internal: x is undefined\nhint: .*--debug/);
});

test('archives are not written to a terminal', async () => {
  for (const argv of [
    ['save', 'a'],
    ['export', 'clit'],
  ]) {
    const { code, stderr, opened } = await runCli(argv, { stdoutIsTty: true });
    assert.equal(stderr, 'Error: cowardly refusing to save to a terminal. Use the -o flag or redirect\n');
    assert.deepEqual([code, opened], [1, []]);
  }
});

test('archives go to standard output or to a file that is there when it is complete', async (t) => {
  const folder = temporaryFolder(t);
  assert.equal((await runCli(['save', 'a', 'b'])).stdout, 'archive bytes');
  assert.equal((await runCli(['export', 'clit'])).stdout.length, 1024);
  const { code, stdout } = await runCli(['save', '-o', join(folder, 'x.tar'), 'a']);
  assert.deepEqual([code, stdout, readFileSync(join(folder, 'x.tar'), 'utf8')], [0, '', 'archive bytes']);
});

test('an archive that fails leaves the former one and nothing else', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'x.tar'), 'former');
  const { code, stderr } = await runCli(['save', '-o', join(folder, 'x.tar'), 'broken']);
  assert.deepEqual([code, stderr], [1, 'Error: save broken: blob sha256:0: wrong digest\n']);
  assert.deepEqual(readdirSync(folder), ['x.tar']);
  assert.equal(readFileSync(join(folder, 'x.tar'), 'utf8'), 'former');
});

test('a reader that goes away ends the program quietly', async () => {
  const stdout = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
  const { code, stderr } = await runCli(['export', 'clit'], { stdout });
  assert.deepEqual([code, stderr], [141, '']);
});

test('output that cannot be written is an error', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  for (const argv of [['export', 'clit'], ['images']]) {
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(full) });
    const { code, stderr } = await runCli(argv, { stdout });
    assert.deepEqual([code, stderr], [1, 'Error: write standard output: ENOSPC: no space left on device, write\n']);
  }
});

test('a slow reader is waited for', async () => {
  let pending = 0;
  let most = 0;
  const stdout = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      most = Math.max(most, ++pending);
      setImmediate(() => {
        pending--;
        done();
      });
    },
  });
  assert.equal((await runCli(['export', 'clit'], { stdout })).code, 0);
  assert.equal(most, 1);
});

test('the first Ctrl-C lets the work clean up, the second ends the program', async () => {
  const fake = createFakeEngine();
  const cleaned = Promise.withResolvers<void>();
  const build: typeof fake.engine.build = (options) =>
    new Promise((_, reject) => {
      options.signal.addEventListener('abort', () => void cleaned.promise.then(() => reject(options.signal.reason)));
    });
  const interrupted = runCli(['build', '-q', '.'], {
    fake: { ...fake, engine: { ...fake.engine, build, [Symbol.asyncDispose]: async () => {} } },
    onStart: (signals) =>
      void setTimeout(() => {
        signals.emit('SIGINT');
        signals.emit('SIGINT');
        cleaned.resolve();
      }, 50),
  });
  const { code, stderr, forcedExits } = await interrupted;
  assert.deepEqual([code, stderr, forcedExits], [130, 'ERROR: interrupted\n', [130]]);
});

test('a tar is imported from a file, from standard input and from a URL', async (t) => {
  const file = join(temporaryFolder(t), 'root.tar');
  writeFileSync(file, 'tar bytes');
  const fromFile = await runCli([
    'import',
    '-c',
    'CMD ["sh"]',
    '-m',
    'why',
    '--platform',
    'linux/arm64',
    file,
    'name:1',
  ]);
  assert.deepEqual(fromFile.fake.calls, [
    ['importTar', 'tar bytes', { changes: ['CMD ["sh"]'], name: 'name:1', message: 'why', platform: 'linux/arm64' }],
  ]);
  const fromInput = await runCli(['import', '-'], { stdin: 'piped' });
  assert.deepEqual(fromInput.fake.calls, [['importTar', 'piped', { changes: [] }]]);
  const fromUrl = await runCli(['import', 'https://x/y.tar', 'name']);
  assert.deepEqual(fromUrl.fake.calls, [['importTar', 'https://x/y.tar', { changes: [], name: 'name' }]]);
  assert.match(
    (await runCli(['import', '/nonexistent.tar'])).stderr,
    /^Error: import \/nonexistent\.tar: no such file\n/,
  );
});

async function calls(line: string): Promise<unknown> {
  return (await runCli(line.split(' '))).fake.calls;
}

test('flags reach the engine', async () => {
  assert.deepEqual(await calls('commit -a me -c CMD -m why -p=false clit x:1'), [
    ['commit', 'clit', { changes: ['CMD'], pause: false, name: 'x:1', author: 'me', message: 'why' }],
  ]);
  assert.deepEqual(await calls('stop -t 3 clit'), [['stop', 'clit', { timeoutMs: 3000 }]]);
  assert.deepEqual(await calls('kill -s hup clit'), [['kill', 'clit', 'SIGHUP']]);
  assert.deepEqual(await calls('kill clit'), [['kill', 'clit', 'SIGKILL']]);
  assert.deepEqual(await calls('tag a b'), [['tag', 'a', 'b']]);
  assert.deepEqual(await calls('rmi -f a'), [['remove', 'a', { force: true }]]);
  assert.deepEqual(await calls('logs -f --tail 5 --since 0 clit'), [['logs', { follow: true, tail: 5, sinceMs: 0 }]]);
  assert.deepEqual(await calls('save --format oci a b'), [['save', ['a', 'b'], { format: 'oci' }]]);
  assert.deepEqual(await calls('container-ended 1ba4'), [['containerEnded', '1ba4']]);
  assert.deepEqual(await calls('layers a 2'), [['layerTree', 'a', '2']]);
});

test('prune asks first', async () => {
  const refused = await runCli(['prune'], { stdin: 'n\n' });
  assert.deepEqual([refused.code, refused.fake.calls], [0, []]);
  assertGolden('prune-question.txt', refused.stderr);
  const agreed = await runCli(['prune', '-a'], { stdin: 'y\n' });
  assert.deepEqual(agreed.fake.calls, [['prune', { all: true, dryRun: false }]]);
  assertGolden('prune-all-question.txt', agreed.stderr);
});
