import type { BuildEvent, BuildResult } from '../../engine/index.ts';
import { createLineSplitter } from './line-splitter.ts';
import type { LineSplitter } from './line-splitter.ts';

interface Step {
  readonly label: string;
  startedMs: number;
  /** One splitter a stream, so that halves of lines never mix. */
  readonly splitters: Map<string, LineSplitter>;
  /** Nothing is said of it any more. */
  ended: boolean;
}

export interface PlainProgress {
  event(event: BuildEvent, nowMs: number): string;
  end(result: BuildResult): string;
}

/**
 * A build as lines, in BuildKit's plain form: a heading `#5 [2/5] RUN make` where a step begins to speak, then its
 * output with seconds since its start, then `#5 DONE 0.3s`, `#5 CACHED` (once for a reused step) or `#5 ERROR: …`.
 * What varve adds is `#5 not reused: REASON`.
 */
export function createPlainProgress(): PlainProgress {
  const steps = new Map<number, Step>();
  let speaking = 0;

  const stepOf = (number: number): Step => {
    const known = steps.get(number);
    if (known !== undefined) return known;
    const made = { label: `step ${number}`, startedMs: 0, splitters: new Map(), ended: false };
    steps.set(number, made);
    return made;
  };

  /** The lines under the heading of their step; a step that was interrupted by another gets a new heading. */
  const speak = (number: number, lines: readonly string[]): string => {
    const heading = speaking === number ? [] : [...interrupt(), `#${number} ${stepOf(number).label}`];
    speaking = number;
    return [...heading, ...lines.map((line) => `#${number} ${line}`)].map((line) => `${line}\n`).join('');
  };

  const interrupt = (): string[] => {
    if (speaking === 0) return [];
    return steps.get(speaking)?.ended === false ? [`#${speaking} ...`, ''] : [''];
  };

  const finish = (number: number, timeMs: number, verdict: string): string => {
    const step = stepOf(number);
    if (step.ended) return '';
    const rest = [...step.splitters.values()].flatMap((splitter) => splitter.end());
    const text = speak(number, [...stamped(rest, step, timeMs), verdict]);
    step.ended = true;
    return text;
  };

  const output = (event: BuildEvent & { kind: 'output' }, nowMs: number): string => {
    const step = stepOf(event.step);
    const splitter = step.splitters.get(event.stream) ?? createLineSplitter();
    step.splitters.set(event.stream, splitter);
    const lines = splitter.push(event.bytes);
    return lines.length === 0 ? '' : speak(event.step, stamped(lines, step, nowMs));
  };

  return {
    event: (event, nowMs) => {
      switch (event.kind) {
        case 'plan':
          for (const { step, label } of event.steps)
            steps.set(step, { label: oneLine(label), startedMs: nowMs, splitters: new Map(), ended: false });
          return '';
        case 'started':
          stepOf(event.step).startedMs = event.timeMs;
          return speak(event.step, []);
        case 'cached':
          return finish(event.step, event.timeMs, 'CACHED');
        case 'reason':
          return speak(event.step, [`not reused: ${oneLine(event.reason)}`]);
        case 'output':
          return output(event, nowMs);
        case 'progress':
          return event.done === event.total ? speak(event.step, [`${event.what} ${formatAmount(event)} done`]) : '';
        case 'warning':
          return event.step === undefined
            ? `WARNING: ${event.message}\n`
            : speak(event.step, [`WARNING: ${event.message}`]);
        case 'finished':
          return finish(event.step, event.timeMs, `DONE ${secondsSince(stepOf(event.step), event.timeMs, 1)}s`);
        case 'failed':
          return finish(event.step, event.timeMs, `ERROR: ${oneLine(event.message)}`);
        case 'cancelled':
          return finish(event.step, event.timeMs, 'CANCELED');
      }
    },
    end: ({ imageId, names }) => {
      const number = Math.max(0, ...steps.keys()) + 1;
      steps.set(number, { label: 'naming the image', startedMs: 0, splitters: new Map(), ended: false });
      return speak(number, [
        `writing image ${imageId} done`,
        ...names.map((name) => `naming to ${name} done`),
        'DONE 0.0s',
      ]);
    },
  };
}

function stamped(lines: readonly string[], step: Step, nowMs: number): string[] {
  return lines.map((line) => `${secondsSince(step, nowMs, 3)} ${line}`);
}

function secondsSince(step: Step, nowMs: number, digits: number): string {
  return (Math.max(0, nowMs - step.startedMs) / 1000).toFixed(digits);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim();
}

/** `2.10MB`, `812 items`, as BuildKit writes sizes. */
export function formatAmount({
  done,
  total,
  unit,
}: {
  done: number;
  total: number | undefined;
  unit: 'bytes' | 'items';
}): string {
  const show = (amount: number): string => (unit === 'bytes' ? formatBytes(amount) : String(amount));
  const noun = unit === 'items' ? ' items' : '';
  return total === undefined || done === total ? `${show(done)}${noun}` : `${show(done)} / ${show(total)}${noun}`;
}

function formatBytes(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const unit = Math.min(sizeBytes < 1 ? 0 : Math.floor(Math.log10(sizeBytes) / 3), units.length - 1);
  return unit === 0 ? `${sizeBytes}B` : `${(sizeBytes / 1000 ** unit).toFixed(2)}${units[unit] ?? ''}`;
}
