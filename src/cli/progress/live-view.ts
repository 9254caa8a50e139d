import type { BuildEvent } from '../../engine/index.ts';
import { createLineSplitter } from './line-splitter.ts';
import type { LineSplitter } from './line-splitter.ts';
import { formatAmount } from './plain-progress.ts';

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
  progress: string | undefined;
  readonly log: string[];
  droppedLines: number;
  readonly splitters: Map<string, LineSplitter>;
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
    for (const { step, label } of event.steps) build.steps.set(step, waitingStep(label.replaceAll(/\s+/g, ' ')));
    return;
  }
  if (event.kind === 'warning') {
    build.warnings.push(event.message);
    return;
  }
  const step = build.steps.get(event.step) ?? waitingStep(`step ${event.step}`);
  build.steps.set(event.step, step);
  advanceStep(step, event);
}

function advanceStep(step: LiveStep, event: Exclude<BuildEvent, { kind: 'plan' | 'warning' }>): void {
  switch (event.kind) {
    case 'started':
      step.state = 'running';
      step.startedMs = event.timeMs;
      return;
    case 'reason':
      step.reason = event.reason.replaceAll(/\s+/g, ' ');
      return;
    case 'output':
      return keepOutput(step, event.stream, event.bytes);
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
      for (const splitter of step.splitters.values()) step.log.push(...splitter.end());
  }
}

function waitingStep(label: string): LiveStep {
  return {
    label,
    state: 'waiting',
    startedMs: 0,
    endedMs: 0,
    reason: undefined,
    progress: undefined,
    log: [],
    droppedLines: 0,
    splitters: new Map(),
  };
}

function keepOutput(step: LiveStep, stream: string, bytes: Uint8Array): void {
  const splitter = step.splitters.get(stream) ?? createLineSplitter();
  step.splitters.set(stream, splitter);
  step.log.push(...splitter.push(bytes));
  const tooMany = step.log.length - keptLines;
  if (tooMany <= 0) return;
  step.log.splice(0, tooMany);
  step.droppedLines += tooMany;
}

export interface FrameOptions {
  readonly nowMs: number;
  readonly columns: number;
  /** At most so many lines; the steps that matter least are left away first. */
  readonly rows: number;
}

/** The lines of a terminal that show `build`: a heading, then the steps that have begun. */
export function drawBuild(build: LiveBuild, { nowMs, columns, rows }: FrameOptions): readonly string[] {
  const steps = [...build.steps.values()];
  const ended = steps.filter(({ state }) => state !== 'waiting' && state !== 'running');
  const heading = `[+] Building ${seconds(nowMs - build.startedMs)}s (${ended.length}/${steps.length})`;
  const begun = steps.filter(({ state }) => state !== 'waiting');
  const blocks = begun.map((step) => drawStep(step, { nowMs, columns }));
  const lines = [...build.warnings.map((message) => `WARNING: ${message}`), ...blocks.flat()];
  return [heading, ...fit(lines, rows - 1)].map((line) => cut(line, columns - 1));
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
  const left = cut(` => ${word}${step.label}`, columns - time.length - 2);
  const head = `${left.padEnd(columns - time.length - 2)} ${time}`;
  if (step.state !== 'running')
    return [head, ...(step.reason === undefined ? [] : [` => => not reused: ${step.reason}`])];
  return [
    head,
    ...(step.reason === undefined ? [] : [` => => not reused: ${step.reason}`]),
    ...(step.progress === undefined ? [] : [` => => ${step.progress}`]),
    ...step.log.slice(-visibleLines).map((line) => ` => => # ${printable(line)}`),
  ];
}

/** The last lines matter most: that is where the build is. */
function fit(lines: readonly string[], rows: number): readonly string[] {
  return lines.length <= rows ? lines : lines.slice(lines.length - Math.max(0, rows));
}

function cut(line: string, width: number): string {
  const characters = [...line];
  return characters.length <= width ? line : characters.slice(0, Math.max(0, width)).join('');
}

/** Escape sequences of a command would move the cursor away from where we think it is. */
function printable(line: string): string {
  return line.replaceAll(escapeSequences, '').replaceAll('\t', '    ').replaceAll(controls, '');
}

function seconds(durationMs: number): string {
  return (Math.max(0, durationMs) / 1000).toFixed(1);
}
