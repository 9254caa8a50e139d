import type { BuildEvent } from '../../engine/index.ts';
import { escapeControls } from '../escape-controls.ts';
import { createLineSplitter } from './line-splitter.ts';
import type { LineSplitter } from './line-splitter.ts';
import { cutToWidth, displayWidth } from './display-width.ts';
import { formatAmount, unchangedText, waitingText } from './plain-progress.ts';

/** What a terminal shows of a step: while it runs, its last lines of output. */
const visibleLines = 6;
/** What is kept of a step's output for the case that it fails. */
const keptLines = 1000;

export interface LiveStep {
  readonly label: string;
  state: 'waiting' | 'running' | 'cached' | 'done' | 'failed' | 'cancelled';
  startedMs: number;
  endedMs: number;
  reason: string | undefined;
  unchanged: boolean;
  progress: string | undefined;
  readonly log: string[];
  droppedLines: number;
  readonly splitter: LineSplitter;
}

// oxlint-disable-next-line no-control-regex
const escapeSequences = /\x1b\[[\d;?]*[A-Za-z]/g;
// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x1f\x7f]/g;

/** How far a build has come, as a terminal shows it. */
export interface LiveBuild {
  readonly steps: Map<number, LiveStep>;
  readonly warnings: string[];
  readonly startedMs: number;
}

export function startLiveBuild(nowMs: number): LiveBuild {
  return { steps: new Map(), warnings: [], startedMs: nowMs };
}

/** Takes an event into `build`. */
export function advanceBuild(build: LiveBuild, event: BuildEvent): void {
  if (event.kind === 'plan') {
    for (const { step, label } of event.steps)
      build.steps.set(step, waitingStep(escapeControls(label.replaceAll(/\s+/g, ' '))));
    return;
  }
  if (event.kind === 'warning') {
    build.warnings.push(escapeControls(event.message));
    return;
  }
  const step = build.steps.get(event.step) ?? waitingStep(`step ${event.step}`);
  build.steps.set(event.step, step);
  advanceStep(step, event);
}

function advanceStep(step: LiveStep, event: Exclude<BuildEvent, { kind: 'plan' | 'warning' }>): void {
  switch (event.kind) {
    case 'waiting':
    case 'started':
      step.state = 'running';
      step.startedMs = event.timeMs;
      step.progress = event.kind === 'waiting' ? waitingText : undefined;
      return;
    case 'reason':
      step.reason = escapeControls(event.reason.replaceAll(/\s+/g, ' '));
      return;
    case 'unchanged':
      step.unchanged = true;
      return;
    case 'output':
      return keepOutput(step, event.bytes);
    case 'progress':
      step.progress = `${event.what} ${formatAmount(event)}`;
      return;
    case 'cached':
    case 'finished':
    case 'failed':
    case 'cancelled':
      if (step.state === 'cached') return;
      if (step.state === 'waiting') step.startedMs = event.timeMs;
      step.state = event.kind === 'finished' ? 'done' : event.kind;
      step.endedMs = event.timeMs;
      step.log.push(...step.splitter.end());
  }
}

function waitingStep(label: string): LiveStep {
  return {
    label,
    state: 'waiting',
    startedMs: 0,
    endedMs: 0,
    reason: undefined,
    unchanged: false,
    progress: undefined,
    log: [],
    droppedLines: 0,
    splitter: createLineSplitter(),
  };
}

function keepOutput(step: LiveStep, bytes: Uint8Array): void {
  step.log.push(...step.splitter.push(bytes));
  const tooMany = step.log.length - keptLines;
  if (tooMany <= 0) return;
  step.log.splice(0, tooMany);
  step.droppedLines += tooMany;
}

export interface FrameOptions {
  readonly nowMs: number;
  readonly columns: number;
  /** At most so many lines: steps that have ended go first, then lines of output. All lines, uncut, where not given. */
  readonly rows?: number;
}

/** The lines of a terminal that show `build`: a heading, then the steps that have begun. */
export function drawBuild(build: LiveBuild, { nowMs, columns, rows }: FrameOptions): readonly string[] {
  const steps = [...build.steps.values()];
  const begun = steps.filter(({ state }) => state !== 'waiting');
  const endedCount = begun.filter(({ state }) => state !== 'running').length;
  const heading = `[+] Building ${seconds(nowMs - build.startedMs)}s (${endedCount}/${steps.length})`;
  const warnings = build.warnings.map((message) => `WARNING: ${message}`);
  if (rows === undefined) return [heading, ...warnings, ...begun.flatMap((step) => drawStep(step, { nowMs, columns }))];
  const lines = fit(
    [...warnings.map((line) => [line]), ...drawBlocks(begun, { nowMs, columns, rows: rows - 1 })],
    rows - 1,
  );
  return [heading, ...lines].map((line) => cutToWidth(line, columns - 1));
}

/** The lines of each step, those of steps that run shortened so that there is room for all of them. */
function drawBlocks(begun: readonly LiveStep[], options: { nowMs: number; columns: number; rows: number }): string[][] {
  const running = begun.filter(({ state }) => state === 'running').length;
  const share = Math.max(1, Math.floor(options.rows / Math.max(1, running)));
  return begun.map((step) => {
    const [head = '', ...rest] = drawStep(step, options);
    return step.state === 'running' ? [head, ...rest.slice(Math.max(0, rest.length - (share - 1)))] : [head, ...rest];
  });
}

/** All that a failed step has written, so that nothing of it is lost with the live lines. */
export function drawFailures(build: LiveBuild): string {
  const failed = [...build.steps.values()].filter(({ state }) => state === 'failed');
  return failed
    .filter(({ log }) => log.length > 0)
    .map(({ label, log, droppedLines }) => {
      const dropped = droppedLines > 0 ? [`[${droppedLines} lines before]`] : [];
      return ['------', ` > ${label}:`, ...dropped, ...log, '------'].map((line) => `${line}\n`).join('');
    })
    .join('');
}

function drawStep(step: LiveStep, { nowMs, columns }: { nowMs: number; columns: number }): readonly string[] {
  const endMs = step.state === 'running' ? nowMs : step.endedMs;
  const time = `${seconds(endMs - step.startedMs)}s`;
  const word = { waiting: '', running: '', done: '', cached: 'CACHED ', failed: 'ERROR ', cancelled: 'CANCELED ' }[
    step.state
  ];
  const room = columns - time.length - 2;
  const left = cutToWidth(` => ${word}${step.label}`, room);
  const head = `${left}${' '.repeat(Math.max(0, room - displayWidth(left)))} ${time}`;
  const notes = [
    ...(step.reason === undefined ? [] : [` => => not reused: ${step.reason}`]),
    ...(step.unchanged ? [` => => ${unchangedText}`] : []),
  ];
  if (step.state !== 'running') return [head, ...notes];
  return [
    head,
    ...notes,
    ...(step.progress === undefined ? [] : [` => => ${step.progress}`]),
    ...step.log.slice(-visibleLines).map((line) => ` => => # ${printable(line)}`),
  ];
}

/** Leaves away what came first until the rest fits: the end is where the build is. */
function fit(blocks: readonly (readonly string[])[], rows: number): readonly string[] {
  let count = blocks.reduce((sum, block) => sum + block.length, 0);
  const kept = blocks.filter((block) => {
    if (count <= rows) return true;
    count -= block.length;
    return false;
  });
  return kept.flat();
}

/** Escape sequences of a command would move the cursor away from where we think it is. */
function printable(line: string): string {
  return line.replaceAll(escapeSequences, '').replaceAll('\t', '    ').replaceAll(controls, '');
}

function seconds(durationMs: number): string {
  return (Math.max(0, durationMs) / 1000).toFixed(1);
}
