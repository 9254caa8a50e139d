import type { BuildEvent } from '../engine/index.ts';
import { imageId, nowMs } from './fake-containers.fixture.ts';

export const plan: BuildEvent = {
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
export type Timed = readonly [BuildEvent, number];

export function step(kind: 'started' | 'cached' | 'finished' | 'cancelled', number: number, atMs: number): Timed {
  return [{ kind, step: number, timeMs: nowMs + atMs }, atMs];
}

export function output(number: number, text: string, atMs: number): Timed {
  return [{ kind: 'output', step: number, bytes: Buffer.from(text, 'latin1') }, atMs];
}

export const untilMake: readonly Timed[] = [
  [plan, 0],
  step('started', 1, 0),
  [{ kind: 'progress', step: 1, what: 'transferring context:', done: 31, total: 31, unit: 'bytes' }, 4],
  step('finished', 1, 5),
  step('started', 2, 5),
  step('finished', 2, 6),
  step('cached', 3, 6),
  step('started', 4, 7),
  [{ kind: 'reason', step: 4, reason: 'COPY src/: 1 of 812 files changed: src/a.ts (content)' }, 7],
  output(4, 'compiling a\n', 130),
  output(4, 'warning: b is old\ncompi', 140),
  output(4, 'ling b\r\nno newline', 347),
];
export const success: readonly Timed[] = [
  ...untilMake,
  step('finished', 4, 400),
  step('started', 5, 401),
  [{ kind: 'reason', step: 5, reason: 'never built before' }, 401],
  [{ kind: 'progress', step: 5, what: 'copying', done: 2_097_152, total: 29_540_000, unit: 'bytes' }, 450],
  [{ kind: 'warning', step: 5, message: 'a socket was skipped' }, 460],
  step('finished', 5, 500),
];
export const failure: readonly Timed[] = [
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
export const result = {
  metadata: {},
  targets: [
    {
      label: 'stage-0',
      imageId,
      manifestDigest: `sha256:${'1'.repeat(64)}`,
      names: ['docker.io/library/x:latest', 'docker.io/library/y:2'],
    },
  ],
};
