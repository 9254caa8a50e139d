import type { Output } from '../output.ts';
import { LiveArea } from './live-area.ts';
import { drawBars, type TransferBars } from './transfer-bars.ts';

const pauseMs = 80;

/** Bars on a terminal, drawn again where they stand as they grow, but not for every step of it. */
export class BarsView {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #area: LiveArea;
  #bars: TransferBars = new Map();
  #paintedMs = 0;

  constructor(output: Output, now: () => number) {
    this.#output = output;
    this.#now = now;
    this.#area = new LiveArea(output);
  }

  /** What merely counts on is drawn when the last drawing is a while ago, anything else at once. */
  show(advance: (bars: TransferBars) => TransferBars, { isCount }: { readonly isCount: boolean }): void {
    this.#bars = advance(this.#bars);
    if (!isCount || this.#now() - this.#paintedMs >= pauseMs) this.#paint();
  }

  /** Prints something for good, above the bars. */
  print(text: string): void {
    this.#area.paint([]);
    this.#output.print(text);
    this.#paint();
  }

  /** Draws what was held back, and leaves it there. */
  end(): void {
    if (this.#bars.size > 0) this.#paint();
    this.#area.release();
  }

  #paint(): void {
    this.#paintedMs = this.#now();
    this.#area.paint(drawBars(this.#bars, this.#output));
  }
}
