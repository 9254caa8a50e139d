import type { BuildEvent, BuildResult } from '../../engine/index.ts';
import { escapeControls } from '../escape-controls.ts';
import { createLineSplitter } from './line-splitter.ts';
import type { LineSplitter } from './line-splitter.ts';

interface Step {
  readonly label: string;
  startedMs: number;
  readonly splitter: LineSplitter;
  /** Nothing is said of it any more. */
  ended: boolean;
}

/**
 * A build as lines, in BuildKit's plain form: a heading `#5 [2/5] RUN make` where a step begins to speak, then its
 * output with seconds since its start, then `#5 DONE 0.3s`, `#5 CACHED` (once for a reused step) or `#5 ERROR: …`.
 * What varve adds is `#5 not reused: REASON`. A step that another one interrupted gets its heading again.
 */
export class PlainProgress {
  readonly #steps = new Map<number, Step>();
  /** Those that belong to no step. */
  readonly #warnings: string[] = [];
  #speaking = 0;

  /** The text that the event adds. */
  event(event: BuildEvent, nowMs: number): string {
    switch (event.kind) {
      case 'plan':
        for (const { step, label } of event.steps) this.#steps.set(step, newStep(oneLine(label), nowMs));
        return '';
      case 'waiting':
        return this.#speak(event.step, [waitingText]);
      case 'started':
        this.#step(event.step).startedMs = event.timeMs;
        return this.#speak(event.step, []);
      case 'reason':
        return this.#speak(event.step, [`not reused: ${oneLine(event.reason)}`]);
      case 'unchanged':
        return this.#speak(event.step, [unchangedText]);
      case 'output':
        return this.#output(event, nowMs);
      case 'progress':
        return event.done === event.total ? this.#speak(event.step, [`${event.what} ${formatAmount(event)} done`]) : '';
      case 'warning':
        if (event.step !== undefined) return this.#speak(event.step, [`WARNING: ${escapeControls(event.message)}`]);
        this.#warnings.push(escapeControls(event.message));
        return `WARNING: ${escapeControls(event.message)}\n`;
      case 'cached':
      case 'finished':
      case 'failed':
      case 'cancelled':
        return this.#finish(event);
    }
  }

  /** The last words of a build, without a result of one that failed: what was made, and the warnings once more. */
  end(result: BuildResult | undefined): string {
    const named = (result?.targets ?? []).map((target) => this.#named(target));
    return [...named, this.#summary()].join('');
  }

  /** What was said at the beginning is far up by now. */
  #summary(): string {
    const { length } = this.#warnings;
    if (length === 0) return '';
    const lines = this.#warnings.map((message) => ` - ${message}\n`);
    return `\n ${length} ${length === 1 ? 'warning' : 'warnings'} found:\n${lines.join('')}`;
  }

  #named({ imageId, names }: BuildResult['targets'][number]): string {
    if (imageId === undefined) return '';
    const number = Math.max(0, ...this.#steps.keys()) + 1;
    this.#steps.set(number, newStep('naming the image', 0));
    const naming = names.map((name) => `naming to ${name} done`);
    return this.#speak(number, [`writing image ${imageId} done`, ...naming, 'DONE 0.0s']);
  }

  #step(number: number): Step {
    const step = this.#steps.get(number) ?? newStep(`step ${number}`, 0);
    this.#steps.set(number, step);
    return step;
  }

  #output(event: BuildEvent & { readonly kind: 'output' }, nowMs: number): string {
    const step = this.#step(event.step);
    const lines = step.splitter.push(event.bytes);
    return lines.length === 0 ? '' : this.#speak(event.step, stamped(lines, step, nowMs));
  }

  #finish(event: EndEvent): string {
    const step = this.#step(event.step);
    if (step.ended) return '';
    const rest = step.splitter.end();
    const text = this.#speak(event.step, [...stamped(rest, step, event.timeMs), verdict(event, step)]);
    step.ended = true;
    return text;
  }

  #speak(number: number, lines: readonly string[]): string {
    const heading = this.#speaking === number ? [] : [...this.#interrupt(), `#${number} ${this.#step(number).label}`];
    this.#speaking = number;
    return [...heading, ...lines.map((line) => `#${number} ${line}`)].map((line) => `${line}\n`).join('');
  }

  #interrupt(): string[] {
    if (this.#speaking === 0) return [];
    return this.#step(this.#speaking).ended ? [''] : [`#${this.#speaking} ...`, ''];
  }
}

/** What a step says that ran and gave what it gave before. */
export const unchangedText = 'same result as before: what follows on it can be reused';

/** What a step says that another build is at. */
export const waitingText = 'waiting for another build that runs this step';

type EndEvent = Extract<BuildEvent, { readonly kind: 'cached' | 'finished' | 'failed' | 'cancelled' }>;

function newStep(label: string, startedMs: number): Step {
  return { label, startedMs, splitter: createLineSplitter(), ended: false };
}

function verdict(event: EndEvent, step: Step): string {
  if (event.kind === 'failed') return `ERROR: ${oneLine(event.message)}`;
  if (event.kind === 'finished') return `DONE ${secondsSince(step, event.timeMs, 1)}s`;
  return event.kind === 'cached' ? 'CACHED' : 'CANCELED';
}

function stamped(lines: readonly string[], step: Step, nowMs: number): string[] {
  return lines.map((line) => `${secondsSince(step, nowMs, 3)} ${line}`);
}

function secondsSince(step: Step, nowMs: number, digits: number): string {
  return (Math.max(0, nowMs - step.startedMs) / 1000).toFixed(digits);
}

function oneLine(text: string): string {
  return escapeControls(text.replaceAll(/\s*\n\s*/g, ' ').trim());
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
