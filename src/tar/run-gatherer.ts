/**
 * Cuts runs of a wanted length out of chunks of any size. Only a run that straddles chunks is copied.
 */
export class RunGatherer {
  #wanted: number;
  #held: Buffer | undefined;
  #filled = 0;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** The length of the next run: at least one byte. */
  want(length: number): void {
    this.#wanted = length;
    this.#held = undefined;
    this.#filled = 0;
  }

  /** Bytes of an incomplete run that are held. */
  get filled(): number {
    return this.#filled;
  }

  /** How many bytes of `chunk`, from `at` on, belong to the current run. */
  share(chunk: Buffer, at: number): number {
    return Math.min(this.#wanted - this.#filled, chunk.length - at);
  }

  /** Takes that share. The run, once it is complete: a view of the chunk, or a buffer of its own. */
  take(chunk: Buffer, at: number, share: number): Buffer | undefined {
    if (share === this.#wanted) return chunk.subarray(at, at + share);
    this.#held ??= Buffer.allocUnsafe(this.#wanted);
    chunk.copy(this.#held, this.#filled, at, at + share);
    this.#filled += share;
    return this.#filled === this.#wanted ? this.#held : undefined;
  }
}
