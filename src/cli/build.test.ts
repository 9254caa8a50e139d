import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildEvent, BuildOptions } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import { failure, success } from './build-events.fixture.ts';
import type { Timed } from './build-events.fixture.ts';
import { imageId } from './fake-containers.fixture.ts';
import { createFakeEngine } from './fake-engine.fixture.ts';
import type { FakeEngine } from './fake-engine.fixture.ts';
import { runCli } from './terminal.fixture.ts';

function building(events: readonly Timed[] = success): FakeEngine {
  const fake = createFakeEngine();
  fake.buildEvents = events.map(([event]) => event);
  return fake;
}

test('every flag of build reaches the engine', async () => {
  const line = `build -t a -t b -f D --build-arg X=1 --build-arg HOME --build-arg NOPE --label l=1 --no-cache --target t --pull
    --no-cache-filter a,b --no-cache-step 3 --no-cache-step s:2 --platform linux/arm64 -j 3 --source-date-epoch 7 --network none
    --build-context base=docker-image://alpine --output type=oci,dest=x -o out --annotation a=b ctx`;
  const { fake } = await runCli(line.split(/\s+/), { env: { HOME: '/root' } });
  assert.deepEqual(fake.calls, [
    [
      'build',
      {
        context: { kind: 'directory', path: 'ctx' },
        contexts: { base: 'docker-image://alpine' },
        tags: ['a', 'b'],
        buildArgs: { X: '1', HOME: '/root', SOURCE_DATE_EPOCH: '7' },
        platforms: ['linux/arm64'],
        allow: new Set(),
        cache: { off: true, offForStages: ['a', 'b'], offForSteps: ['3', 's:2'] },
        cacheFrom: [],
        cacheTo: [],
        jobs: 3,
        sourceDateEpochSec: 7,
        pull: true,
        network: 'none',
        labels: { l: '1' },
        outputs: ['type=oci,dest=x', 'out'],
        annotations: ['a=b'],
        file: 'D',
        targets: ['t'],
      },
    ],
  ]);
});

test('progress and reasons go to standard error, standard output stays empty', async () => {
  const { code, stdout, stderr } = await runCli(['build', '-t', 'x', '.'], { fake: building() });
  assert.deepEqual([code, stdout], [0, '']);
  assert.match(stderr, /^#1 \[internal\] load build context\n/);
  assert.match(stderr, /\n#4 not reused: COPY src\/: 1 of 812 files changed: src\/a\.ts \(content\)\n/);
  assert.match(stderr, /\n#6 naming to docker\.io\/library\/x:latest done\n#6 DONE 0\.0s\n$/);
});

test('-q prints the image ID alone; --iidfile keeps it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const iidfile = join(folder, 'iid');
  for (const quiet of ['-q', '--progress=quiet']) {
    const { stdout, stderr } = await runCli(['build', quiet, '--iidfile', iidfile, '.'], { fake: building() });
    assert.deepEqual([stdout, stderr, readFileSync(iidfile, 'utf8')], [`${imageId}\n`, '', imageId]);
  }
});

test('a result file that could not be written is refused before anything is built', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const flag of ['--iidfile', '--metadata-file']) {
    const onto = await runCli(['build', flag, folder, '.']);
    assert.deepEqual([onto.code, onto.fake.calls], [1, []]);
    assert.equal(onto.stderr, `ERROR: ${flag} ${folder}: it is a folder\nhint: name a file\n`);
    const nowhere = await runCli(['build', flag, join(folder, 'no/x'), '.']);
    assert.deepEqual([nowhere.code, nowhere.fake.calls], [1, []]);
    assert.equal(nowhere.stderr, `ERROR: ${flag} ${folder}/no/x: there is no folder ${folder}/no\n`);
  }
});

test('a result file takes the place of a symlink, not of what it leads to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'precious'), 'kept');
  symlinkSync('precious', join(folder, 'iid'));
  await runCli(['build', '--iidfile', join(folder, 'iid'), '.'], { fake: building() });
  assert.deepEqual(
    [readFileSync(join(folder, 'precious'), 'utf8'), readFileSync(join(folder, 'iid'), 'utf8')],
    ['kept', imageId],
  );
});

test('an empty value is none where Docker has it so', async () => {
  const empty = ['--iidfile', '', '--metadata-file', '', '--target', '', '--no-cache-filter', '', '-f', ''];
  const { code, fake } = await runCli(['build', ...empty, '.'], { fake: building() });
  const { targets, cache, file } = built(fake);
  assert.deepEqual([code, targets, cache?.offForStages, file], [0, [], [], undefined]);
});

test('control characters of names and messages do not reach the terminal', async () => {
  const escape = '\u001B]0;owned\u0007\u009B31m';
  const events: readonly BuildEvent[] = [
    { kind: 'plan', steps: [{ step: 1, stage: 'a', label: `COPY ${escape}` }] },
    { kind: 'started', step: 1, timeMs: 0 },
    { kind: 'reason', step: 1, reason: escape },
    { kind: 'warning', step: undefined, message: escape },
    { kind: 'failed', step: 1, timeMs: 0, message: escape },
  ];
  for (const stderrIsTty of [false, true]) {
    const fake = createFakeEngine();
    fake.buildEvents = events;
    fake.buildFault = new Fault('invalid', escape, { hint: escape });
    const { stderr } = await runCli(['build', '.'], { fake, stderrIsTty });
    assert.equal(stderr.includes('\u001B]') || stderr.includes('\u009B'), false, JSON.stringify(stderr));
    assert.match(stderr, /ERROR: \\x1b\]0;owned\\x07\\x9b31m\nhint: \\x1b\]/);
  }
});

async function first(argv: string[], env: Record<string, string>, stderrIsTty: boolean): Promise<string> {
  return (await runCli(['build', ...argv, '.'], { fake: building(), env, stderrIsTty })).stderr.slice(0, 4);
}

test('the kind of progress is chosen by flag, else by variable, else by what standard error is', async () => {
  assert.equal(await first([], {}, false), '#1 [');
  assert.equal(await first(['--progress=tty'], {}, false), '#1 [');
  assert.equal(await first([], { BUILDKIT_PROGRESS: 'rawjson' }, true), '{"ve');
  assert.equal(await first(['--progress=plain'], { BUILDKIT_PROGRESS: 'rawjson' }, true), '#1 [');
  assert.equal(await first([], {}, true), '\r\x1b[0');
});

test('a failed build prints the error with its place and exits with 1', async () => {
  for (const stderrIsTty of [false, true]) {
    const fake = building(failure);
    fake.buildFault = new Fault(
      'invalid',
      'RUN make: exit code 3\nDockerfile:3\n--------\n   3 | >>> RUN make\n--------',
      { hint: 'see above' },
    );
    const { code, stdout, stderr } = await runCli(['build', '.'], { fake, stderrIsTty });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /\nERROR: RUN make: exit code 3\nDockerfile:3\n-+\n {3}3 \| >>> RUN make\n-+\nhint: see above\n$/,
    );
    assert.match(stderr, /compiling b/);
  }
});

function built({ calls }: FakeEngine): BuildOptions {
  const [call] = calls;
  return call?.[1] as BuildOptions;
}

async function contextOf(operand: string): Promise<BuildOptions['context']> {
  return built((await runCli(['build', operand])).fake).context;
}

test('the operand of build is a directory, standard input or something remote', async () => {
  for (const path of ['nothing', 'a/b@c:d', import.meta.dirname]) {
    assert.deepEqual(await contextOf(path), { kind: 'directory', path });
  }
  for (const url of ['https://h/a.tar', 'git@h:a/b.git', 'github.com/a/b', 'ssh://h/a', 'git://h/a#b:c']) {
    assert.deepEqual(await contextOf(url), { kind: 'remote', url });
  }
  assert.equal((await contextOf('-')).kind, 'stream');
});

test('standard input is the context or the Dockerfile, not both', async () => {
  const { fake } = await runCli(['build', '-f', '-', '.']);
  assert.equal(typeof built(fake).file, 'object');
  const { code, stderr } = await runCli(['build', '-f', '-', '-']);
  assert.equal(code, 1);
  assert.equal(stderr, "ERROR: invalid argument: can't use stdin for both build context and dockerfile\n");
});

test('a build context needs a name and a value', async () => {
  for (const flag of ['assets', '=x']) {
    const { stderr } = await runCli(['build', '--build-context', flag, '.']);
    assert.match(stderr, new RegExp(`^ERROR: invalid context value: ${flag}, expected key=value\n`));
  }
});

test('what is not there yet is an error that names it', async () => {
  for (const flag of ['--isolation', '--squash']) {
    const { code, stderr } = await runCli(['build', flag, 'x', '.']);
    assert.deepEqual([code, stderr.split('\n')[0]], [125, `Error: unknown flag: ${flag}`]);
  }
});
