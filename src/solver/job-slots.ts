/** A number of places, taken in the order in which they were asked for. */
export class JobSlots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = Math.max(1, Math.floor(count));
  }

  /** Runs `job` once there is a place for it. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    await this.#take();
    try {
      return await job();
    } finally {
      this.#give();
    }
  }

  async #take(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
