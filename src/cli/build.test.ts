import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildEvent } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import { createFakeEngine, imageId, nowMs } from './fake-engine.fixture.ts';
import type { FakeEngine } from './fake-engine.fixture.ts';
import { createLineSplitter } from './progress/line-splitter.ts';
import { advanceBuild, drawBuild, drawFailures, startLiveBuild } from './progress/live-view.ts';
import { createPlainProgress } from './progress/plain-progress.ts';
import { createRawJsonProgress } from './progress/rawjson-progress.ts';
import { assertGolden, runCli } from './terminal.fixture.ts';

const plan: BuildEvent = {
  kind: 'plan',
  steps: [
    { step: 1, label: '[internal] load build context', stage: '' },
    { step: 2, label: '[1/4] FROM docker.io/library/busybox:local', stage: '0' },
    { step: 3, label: '[2/4] RUN mkdir test', stage: '0' },
    { step: 4, label: '[3/4] RUN make', stage: '0' },
    { step: 5, label: '[4/4] COPY src/ /src', stage: '0' },
  ],
};

/** An event and when it comes, in milliseconds since the start. */
type Timed = readonly [BuildEvent, number];

function step(kind: 'started' | 'cached' | 'finished' | 'cancelled', number: number, atMs: number): Timed {
  return [{ kind, step: number, timeMs: nowMs + atMs }, atMs];
}

function output(number: number, text: string, atMs: number, stream: 'stdout' | 'stderr' = 'stdout'): Timed {
  return [{ kind: 'output', step: number, stream, bytes: Buffer.from(text, 'latin1') }, atMs];
}

const untilMake: readonly Timed[] = [
  [plan, 0],
  step('started', 1, 0),
  [{ kind: 'progress', step: 1, what: 'transferring context:', done: 31, total: 31, unit: 'bytes' }, 4],
  step('finished', 1, 5),
  step('started', 2, 5),
  step('finished', 2, 6),
  step('cached', 3, 6),
  step('started', 4, 7),
  [{ kind: 'reason', step: 4, reason: 'COPY src/: 1 of 812 files changed: src/a.ts (content)' }, 7],
  output(4, 'compiling a\ncompi', 130),
  output(4, 'warning: b is old\n', 140, 'stderr'),
  output(4, 'ling b\r\nno newline', 347),
];
const success: readonly Timed[] = [
  ...untilMake,
  step('finished', 4, 400),
  step('started', 5, 401),
  [{ kind: 'reason', step: 5, reason: 'never built before' }, 401],
  [{ kind: 'progress', step: 5, what: 'copying', done: 2_097_152, total: 29_540_000, unit: 'bytes' }, 450],
  [{ kind: 'warning', step: 5, message: 'a socket was skipped' }, 460],
  step('finished', 5, 500),
];
const failure: readonly Timed[] = [
  ...untilMake,
  [
    {
      kind: 'failed',
      step: 4,
      timeMs: nowMs + 400,
      message: 'process "/bin/sh -c make" did not complete successfully: exit code: 3',
    },
    400,
  ],
];
const result = {
  imageId,
  manifestDigest: `sha256:${'1'.repeat(64)}`,
  names: ['docker.io/library/x:latest', 'docker.io/library/y:2'],
};

function plainText(events: readonly Timed[]): string {
  const progress = createPlainProgress();
  return events.map(([event, atMs]) => progress.event(event, nowMs + atMs)).join('');
}

test('plain progress is as BuildKit prints it', () => {
  const progress = createPlainProgress();
  assertGolden(
    'build-plain.txt',
    success.map(([event, atMs]) => progress.event(event, nowMs + atMs)).join('') + progress.end(result),
  );
});

test('plain progress of a failed build ends with the error', () => {
  assertGolden('build-plain-failed.txt', plainText(failure));
});

test('steps at the same time are told apart, each line with its step', () => {
  const events = [
    [plan, 0] as const,
    step('started', 3, 0),
    step('started', 4, 1),
    output(3, 'a\n', 10),
    output(4, 'b\n', 11),
    output(4, 'c\n', 12),
    step('finished', 3, 20),
    step('finished', 4, 30),
  ];
  assertGolden('build-plain-parallel.txt', plainText(events));
});

test('CACHED stands exactly once for each reused step, whatever else is told of it', () => {
  const text = plainText([
    [plan, 0],
    step('started', 3, 0),
    step('cached', 3, 0),
    step('finished', 3, 1),
    step('cached', 4, 1),
    step('cached', 5, 1),
  ]);
  assert.equal(text.match(/CACHED/g)?.length, 3);
  assert.equal(text.match(/#3 CACHED/g)?.length, 1);
  assert.doesNotMatch(text, /DONE/);
});

test('rawjson has the shape of BuildKit: vertexes, statuses, logs in base64', () => {
  const format = createRawJsonProgress();
  assertGolden(
    'build-rawjson.txt',
    [...success, ...failure.slice(-1), step('cancelled', 5, 600)]
      .map(([event, atMs]) => format(event, nowMs + atMs))
      .join(''),
  );
});

test('the live view shows what runs with its last lines, and honours the size of the terminal', () => {
  const build = startLiveBuild(nowMs);
  for (const [event] of untilMake) advanceBuild(build, event);
  for (const line of ['\x1b[31mred\x1b[0m\ttab', 'x'.repeat(200), '1', '2', '3', '4'])
    advanceBuild(build, output(4, `${line}\n`, 350)[0]);
  const wide = drawBuild(build, { nowMs: nowMs + 1234, columns: 80, rows: 24 });
  const narrow = drawBuild(build, { nowMs: nowMs + 1234, columns: 40, rows: 6 });
  assert.ok(wide.every((line) => line.length < 80) && narrow.every((line) => line.length < 40));
  assert.equal(narrow.length, 6);
  assert.match(narrow[1] ?? '', /RUN make/);
  assertGolden('build-live.txt', [...wide, '', ...narrow].join('\n'));
});

test('a failed step loses nothing that it wrote', () => {
  const build = startLiveBuild(nowMs);
  for (const [event] of failure) advanceBuild(build, event);
  assertGolden(
    'build-live-failed.txt',
    `${drawBuild(build, { nowMs, columns: 80 }).join('\n')}\n${drawFailures(build)}`,
  );
});

test('what a step writes is kept within bounds', () => {
  const build = startLiveBuild(nowMs);
  advanceBuild(build, plan);
  advanceBuild(build, output(4, Array.from({ length: 5000 }, (_, line) => `${line}\n`).join(''), 0)[0]);
  advanceBuild(build, { kind: 'failed', step: 4, timeMs: nowMs, message: '' });
  const text = drawFailures(build);
  assert.match(text, /\[4000 lines before\]\n4000\n/);
  const splitter = createLineSplitter();
  assert.equal(splitter.push(Buffer.alloc(100_000, 'a')).length, 1);
});

test('lines are whole, also where UTF-8 is cut in two', () => {
  const splitter = createLineSplitter();
  assert.deepEqual(splitter.push(Uint8Array.of(0x6e, 0xc3)), []);
  assert.deepEqual(splitter.push(Uint8Array.of(0xa4, 0x0a, 0x62)), ['nä']);
  assert.deepEqual(splitter.end(), ['b']);
  assert.deepEqual(splitter.end(), []);
});

function building(events: readonly Timed[] = success): FakeEngine {
  const fake = createFakeEngine();
  fake.buildEvents = events.map(([event]) => event);
  return fake;
}

test('every flag of build reaches the engine', async () => {
  const line = `build -t a -t b -f D --build-arg X=1 --build-arg HOME --build-arg NOPE --label l=1 --no-cache --target t --pull
    --network none ctx`;
  const { fake } = await runCli(line.split(/\s+/), { env: { HOME: '/root' } });
  assert.deepEqual(fake.calls, [
    [
      'build',
      {
        contextDir: 'ctx',
        tags: ['a', 'b'],
        buildArgs: { X: '1', HOME: '/root' },
        noCache: true,
        pull: true,
        network: 'none',
        labels: { l: '1' },
        file: 'D',
        target: 't',
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

test('what is not there yet is an error that names it', async () => {
  assert.match(
    (await runCli(['build', '-'])).stderr,
    /^ERROR: build -: reading the context from standard input is not there yet\n/,
  );
  assert.match(
    (await runCli(['build', 'https://github.com/a/b.git'])).stderr,
    /^ERROR: build https:.*: a URL as context is not there yet\n/,
  );
  for (const flag of ['--secret', '--ssh', '--platform', '--cache-from', '--output', '--add-host', '--squash']) {
    const { code, stderr } = await runCli(['build', flag, 'x', '.']);
    assert.deepEqual([code, stderr.split('\n')[0]], [125, `Error: unknown flag: ${flag}`]);
  }
});
