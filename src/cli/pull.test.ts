import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransferEvent } from '../engine/index.ts';
import { containerId } from './fake-containers.fixture.ts';
import { createFakeEngine } from './fake-engine.fixture.ts';
import { advanceBars, formatBar } from './progress/transfer-bars.ts';
import { assertGolden, runCli } from './terminal.fixture.ts';

const [one, two] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`] as const;
const events: readonly TransferEvent[] = [
  { kind: 'resolved', reference: 'docker.io/library/alpine:latest', digest: one },
  { kind: 'layer', digest: one, state: 'exists' },
  { kind: 'layer', digest: two, state: 'waiting' },
  { kind: 'bytes', digest: two, doneBytes: 0, totalBytes: 29_540_000 },
  { kind: 'bytes', digest: two, doneBytes: 2_097_152, totalBytes: 29_540_000 },
  { kind: 'bytes', digest: two, doneBytes: 29_540_000, totalBytes: 29_540_000 },
  { kind: 'warning', message: 'the manifest has no platform' },
  { kind: 'layer', digest: two, state: 'done' },
];

function pulling() {
  const fake = createFakeEngine();
  fake.transferEvents = events;
  return fake;
}

test('a pull prints the lines of Docker where there is no terminal', async () => {
  assertGolden('pull.txt', (await runCli(['pull', 'alpine'], { fake: pulling() })).stdout);
});

test('a pull draws bars on a terminal', async () => {
  assertGolden(
    'pull-terminal.txt',
    (await runCli(['pull', 'alpine:latest'], { fake: pulling(), stdoutIsTty: true })).stdout,
  );
});

test('a download that goes on where an earlier one was cut says where, in lines and as a bar', async () => {
  const fake = createFakeEngine();
  fake.transferEvents = [
    { kind: 'layer', digest: two, state: 'waiting' },
    { kind: 'bytes', digest: two, doneBytes: 14_770_000, totalBytes: 29_540_000 },
    { kind: 'bytes', digest: two, doneBytes: 20_000_000, totalBytes: 29_540_000 },
    { kind: 'layer', digest: two, state: 'done' },
  ];
  const lines = (await runCli(['pull', 'alpine:latest'], { fake })).stdout;
  assert.match(lines, /^2{12}: Pulling fs layer\n2{12}: Resuming at 14\.77MB of 29\.54MB\n2{12}: Pull complete\n/);
  const [, resumed] = fake.transferEvents;
  assert.match([...advanceBars(new Map(), resumed as TransferEvent).values()].join(), /^Downloading \[={25}>/);
  assert.equal((await runCli(['pull', '-q', 'alpine'], { fake })).stdout, 'docker.io/library/alpine:latest\n');
});

test('a pull that brings nothing says so', async () => {
  const { stdout } = await runCli(['pull', 'alpine:latest']);
  assert.match(
    stdout,
    /^Digest: sha256:d+\nStatus: Image is up to date for alpine:latest\ndocker\.io\/library\/alpine:latest\n$/,
  );
});

test('pull -q prints the reference alone, and warnings aside', async () => {
  const { stdout } = await runCli(['pull', '-q', 'alpine'], { fake: createFakeEngine() });
  assert.equal(stdout, 'docker.io/library/alpine:latest\n');
});

test('a pull that fails exits with 1 and the hint', async () => {
  const { code, stderr } = await runCli(['pull', 'nope']);
  assert.deepEqual([code, stderr], [1, 'Error: pull nope: no such image\nhint: is the name right?\n']);
});

test('run shows the pull that it takes on standard error', async () => {
  const { stdout, stderr } = await runCli(['run', '-d', 'alpine'], { fake: pulling() });
  assert.equal(stdout, `${containerId}\n`);
  assertGolden('run-pull.txt', stderr);
  assert.equal(
    (await runCli(['run', '-dq', 'alpine'], { fake: pulling() })).stderr,
    'WARNING: the manifest has no platform\n',
  );
});

test('a bar is empty, full or in between', () => {
  assert.equal(formatBar(0, 100), `[>${' '.repeat(49)}]  0B/100B`);
  assert.equal(formatBar(50, 100), `[${'='.repeat(25)}>${' '.repeat(24)}]  50B/100B`);
  assert.equal(formatBar(100, 100), `[${'='.repeat(50)}]  100B/100B`);
  assert.equal(formatBar(200, 100).length, formatBar(100, 100).length);
});
