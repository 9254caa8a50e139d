import type { PushProgress } from '../../engine/index.ts';
import { shortId } from '../human.ts';
import type { Output } from '../output.ts';
import { LiveArea } from './live-area.ts';
import { drawBars, formatBar, type TransferBars } from './transfer-bars.ts';

export interface PushView {
  show(event: PushProgress): void;
  /** Draws what was held back. */
  end(): void;
}

export interface PushViewOptions {
  readonly quiet: boolean;
  readonly now: () => number;
}

const pauseMs = 80;

/** Shows a push on `output`: bars on a terminal, lines elsewhere, nothing when it shall be quiet. */
export function showPush(output: Output, { quiet, now }: PushViewOptions): PushView {
  if (quiet) return { show: () => {}, end: () => {} };
  return output.isTerminal ? barsView(output, now) : linesView(output);
}

/** As Docker prints a push where there is no terminal: a line for each state of a layer. */
function linesView(output: Output): PushView {
  const last = new Map<string, string>();
  return {
    show: (event) => {
      const state = event.kind === 'layer' ? wordsOf(event) : undefined;
      if (state === undefined || last.get(event.digest) === state) return;
      last.set(event.digest, state);
      output.print(`${shortId(event.digest)}: ${state}\n`);
    },
    end: () => {},
  };
}

function barsView(output: Output, now: () => number): PushView {
  const area = new LiveArea(output);
  let bars: TransferBars = new Map();
  let paintedMs = 0;
  const paint = (): void => {
    paintedMs = now();
    area.paint(drawBars(bars, output));
  };
  return {
    show: (event) => {
      const state = event.kind === 'layer' ? wordsOf(event) : `Pushing ${formatBar(event.doneBytes, event.totalBytes)}`;
      bars = new Map(bars).set(event.digest, state);
      if (event.kind === 'layer' || now() - paintedMs >= pauseMs) paint();
    },
    end: () => {
      if (bars.size > 0) paint();
      area.release();
    },
  };
}

const words = { preparing: 'Preparing', waiting: 'Waiting', exists: 'Layer already exists', done: 'Pushed' } as const;

function wordsOf(event: PushProgress & { readonly kind: 'layer' }): string {
  return event.state === 'mounted'
    ? `Mounted from ${event.from.slice(event.from.indexOf('/') + 1)}`
    : words[event.state];
}
