import type { TransferEvent } from '../../engine/index.ts';
import { formatSize, shortId } from '../human.ts';

const barWidth = 50;
const words = { exists: 'Already exists', waiting: 'Waiting', done: 'Pull complete' } as const;

/** The state of a transfer as it is drawn: a line for each layer, in the order in which they were first heard of. */
export type TransferBars = ReadonlyMap<string, string>;

export function advanceBars(bars: TransferBars, event: TransferEvent): TransferBars {
  if (event.kind === 'layer') return new Map(bars).set(event.digest, words[event.state]);
  if (event.kind !== 'bytes') return bars;
  return new Map(bars).set(event.digest, `Downloading ${formatBar(event.doneBytes, event.totalBytes)}`);
}

export function drawBars(
  bars: TransferBars,
  size: { readonly columns: number; readonly rows: number },
): readonly string[] {
  const lines = [...bars].map(([digest, state]) => `${shortId(digest)}: ${state}`.slice(0, size.columns - 1));
  return lines.slice(-Math.max(1, size.rows - 1));
}

/** `[=====>     ]  2.097MB/29.54MB` */
export function formatBar(done: number, total: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const filled = Math.floor(share * barWidth);
  const head = filled === barWidth ? '=' : '>';
  const bar = `${'='.repeat(Math.max(0, filled - (head === '=' ? 1 : 0)))}${head}`.padEnd(barWidth);
  return `[${bar.slice(0, barWidth)}]  ${formatSize(done, 4)}/${formatSize(total, 4)}`;
}
