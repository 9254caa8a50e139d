import type { PushProgress } from '../../engine/index.ts';
import { shortId } from '../human.ts';
import type { Output } from '../output.ts';
import { BarsView } from './bars-view.ts';
import { formatBar } from './transfer-bars.ts';

export interface PushView {
  show(event: PushProgress): void;
  /** Draws what was held back. */
  end(): void;
}

export interface PushViewOptions {
  readonly quiet: boolean;
  readonly now: () => number;
}

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
  const view = new BarsView(output, now);
  return {
    show: (event) => {
      const state = event.kind === 'layer' ? wordsOf(event) : `Pushing ${formatBar(event.doneBytes, event.totalBytes)}`;
      view.show((bars) => new Map(bars).set(event.digest, state), { isCount: event.kind !== 'layer' });
    },
    end: () => view.end(),
  };
}

const words = { preparing: 'Preparing', waiting: 'Waiting', exists: 'Layer already exists', done: 'Pushed' } as const;

function wordsOf(event: PushProgress & { readonly kind: 'layer' }): string {
  return event.state === 'mounted'
    ? `Mounted from ${event.from.slice(event.from.indexOf('/') + 1)}`
    : words[event.state];
}
