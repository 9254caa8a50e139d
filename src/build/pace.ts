import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../std/index.ts';

/** Lets long synchronous work stand back now and then, so that progress is shown and an abort is noticed. */
export class Pace {
  readonly #signal: AbortSignal;
  readonly #during: string;
  #work = 0;

  constructor(signal: AbortSignal, during: string) {
    this.#signal = signal;
    this.#during = during;
  }

  /** Counts an entry and its bytes; true when it is time to `rest`. */
  isDue(bytes: number): boolean {
    this.#work += entryWork + bytes;
    return this.#work >= restAfter;
  }

  /** Fault `cancelled` once the signal is aborted. */
  async rest(): Promise<void> {
    this.#work = 0;
    await setImmediate();
    throwIfAborted(this.#signal, this.#during);
  }
}

/** An entry counts as so many bytes: a rest comes after 1,000 entries or 32 MiB. */
const entryWork = 32 * 1024;
const restAfter = 32 << 20;
