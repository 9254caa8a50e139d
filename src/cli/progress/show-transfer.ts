import type { TransferEvent } from '../../engine/index.ts';
import type { Output } from '../output.ts';
import { LiveArea } from './live-area.ts';
import { advanceBars, drawBars } from './transfer-bars.ts';
import type { TransferBars } from './transfer-bars.ts';
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

const pauseMs = 80;

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
  const area = new LiveArea(output);
  let bars: TransferBars = new Map();
  let paintedMs = 0;
  const paint = (): void => {
    paintedMs = now();
    area.paint(drawBars(bars, output));
  };
  return {
    show: (event) => {
      bars = advanceBars(bars, event);
      if (event.kind === 'resolved' || event.kind === 'warning') {
        area.paint([]);
        output.print(event.kind === 'resolved' ? formatResolved(event.reference) : `WARNING: ${event.message}\n`);
      }
      if (event.kind !== 'bytes' || now() - paintedMs >= pauseMs) paint();
    },
    end: () => {
      if (bars.size > 0) paint();
      area.release();
    },
  };
}
