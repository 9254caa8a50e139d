import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure, output, plan, result, step, success, untilMake } from '../build-events.fixture.ts';
import type { Timed } from '../build-events.fixture.ts';
import { nowMs } from '../fake-containers.fixture.ts';
import { assertGolden } from '../terminal.fixture.ts';
import { createLineSplitter } from './line-splitter.ts';
import { advanceBuild, drawBuild, drawFailures, startLiveBuild } from './live-view.ts';
import { PlainProgress } from './plain-progress.ts';
import { createRawJsonProgress } from './rawjson-progress.ts';

function plainText(events: readonly Timed[]): string {
  const progress = new PlainProgress();
  return events.map(([event, atMs]) => progress.event(event, nowMs + atMs)).join('');
}

test('plain progress is as BuildKit prints it', () => {
  const progress = new PlainProgress();
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

test('a step that waits for another build says so until it begins, or is reused', () => {
  const waiting = [{ kind: 'waiting', step: 4, timeMs: nowMs + 2 }, 2] as const;
  const text = plainText([[plan, 0], waiting, step('cached', 4, 900)]);
  assert.match(text, /^#4 \[3\/4\] RUN make\n#4 waiting for another build that runs this step\n#4 CACHED\n$/);
  const build = startLiveBuild(nowMs);
  const lines = (): string => drawBuild(build, { nowMs: nowMs + 1002, columns: 80, rows: 24 }).join('\n');
  for (const [event] of [[plan, 0], waiting] as const) advanceBuild(build, event);
  assert.match(lines(), /RUN make .*1\.0s\n => => waiting for another build that runs this step$/);
  advanceBuild(build, step('started', 4, 1000)[0]);
  assert.doesNotMatch(lines(), /waiting/);
  const raw = createRawJsonProgress();
  raw(plan, nowMs);
  const { waiting: told } = JSON.parse(raw(waiting[0], nowMs)) as { waiting: readonly { vertex: string }[] };
  assert.match(told[0]?.vertex ?? '', /^sha256:/);
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
