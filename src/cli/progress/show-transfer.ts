import type { TransferEvent } from '../../engine/index.ts';
import type { Output } from '../output.ts';
import { BarsView } from './bars-view.ts';
import { advanceBars } from './transfer-bars.ts';
import { createTransferLines, formatResolved } from './transfer-lines.ts';

export interface TransferView {
  show(event: TransferEvent): void;
  /** Draws what was held back. */
  end(): void;
}

export interface TransferViewOptions {
  readonly quiet: boolean;
  readonly now: () => number;
  /** Printed before the first event, if there is one. */
  readonly preface?: string;
}

/** Shows a transfer on `output`: bars on a terminal, lines elsewhere, nothing but warnings when it shall be quiet. */
export function showTransfer(output: Output, options: TransferViewOptions): TransferView {
  if (options.quiet) return quietView(output);
  const view = output.isTerminal ? barsView(output, options.now) : linesView(output);
  let preface = options.preface ?? '';
  return {
    show: (event) => {
      output.print(preface);
      preface = '';
      view.show(event);
    },
    end: view.end,
  };
}

function quietView(output: Output): TransferView {
  return { show: (event) => event.kind === 'warning' && output.print(`WARNING: ${event.message}\n`), end: () => {} };
}

function linesView(output: Output): TransferView {
  const format = createTransferLines();
  return { show: (event) => output.print(format(event)), end: () => {} };
}

function barsView(output: Output, now: () => number): TransferView {
  const view = new BarsView(output, now);
  return {
    show: (event) => {
      if (event.kind === 'resolved') view.print(formatResolved(event.reference));
      else if (event.kind === 'warning') view.print(`WARNING: ${event.message}\n`);
      else view.show((bars) => advanceBars(bars, event), { isCount: event.kind === 'bytes' });
    },
    end: () => view.end(),
  };
}
