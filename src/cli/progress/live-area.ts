import type { Output } from '../output.ts';

const clearToEnd = '\x1b[0J';

/** The last lines of a terminal, drawn again and again in place. */
export class LiveArea {
  readonly #output: Output;
  #drawn = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Puts `lines` where the former ones stood. They must not be wider than the terminal, nor more than it is high. */
  paint(lines: readonly string[]): void {
    const up = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`;
    this.#drawn = lines.length;
    this.#output.print(`${up}\r${clearToEnd}${lines.map((line) => `${line}\n`).join('')}`);
  }

  /** Leaves what stands there, for good: the next `paint` begins below. */
  release(): void {
    this.#drawn = 0;
  }
}
