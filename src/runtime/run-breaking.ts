/** The first reason, if any, for which a run is given up. */
export class Breaking {
  broken: { readonly reason: unknown } | undefined;
  readonly happened: Promise<void>;
  readonly #announce: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.happened = promise;
    this.#announce = resolve;
  }

  because(reason: unknown): void {
    this.broken ??= { reason };
    this.#announce();
  }

  /** Runs `body`, unless the run is given up already; a failure of it is such a reason. */
  guard(body: () => void): void {
    if (this.broken !== undefined) return;
    try {
      body();
    } catch (error) {
      this.because(error);
    }
  }
}
