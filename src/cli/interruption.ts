/** Where signals to this process come from; `process` is one. */
export interface SignalSource {
  on(name: NodeJS.Signals, listener: () => void): unknown;
  off(name: NodeJS.Signals, listener: () => void): unknown;
}

/** Signals that end a program, and those that an attached container gets besides. */
const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
const forceAfter = 3;

/**
 * What Ctrl-C means. The first signal aborts `signal`, so that the work cleans up behind itself; the second ends the
 * process at once. While a container is attached the signals are its own, and only the third in a row ends varve.
 */
export class Interruption implements Disposable {
  readonly #source: SignalSource;
  readonly #exit: (code: number) => void;
  readonly #controller = new AbortController();
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[] = [];
  #exitCode: number | undefined;

  constructor(source: SignalSource, exit: (code: number) => void) {
    this.#source = source;
    this.#exit = exit;
    for (const name of ending) this.#listen(name, () => this.#interrupt(name));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** 128 and the signal's number, once there was one. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Ends the work for another reason than a signal. */
  abort(exitCode: number): void {
    this.#exitCode ??= exitCode;
    this.#controller.abort();
  }

  /** Until the result is disposed of, signals go to `listener` and do not interrupt. */
  forward(listener: (name: string) => void): Disposable {
    this.#dropListeners();
    let received = 0;
    for (const name of forwarded) {
      this.#listen(name, () => {
        received += name === 'SIGINT' || name === 'SIGTERM' ? 1 : 0;
        if (received >= forceAfter) this.#exit(128 + (signalNumbers[name] ?? 0));
        else listener(name);
      });
    }
    return {
      [Symbol.dispose]: () => {
        this.#dropListeners();
        for (const name of ending) this.#listen(name, () => this.#interrupt(name));
      },
    };
  }

  [Symbol.dispose](): void {
    this.#dropListeners();
  }

  #interrupt(name: NodeJS.Signals): void {
    const exitCode = 128 + (signalNumbers[name] ?? 0);
    if (this.#controller.signal.aborted) this.#exit(exitCode);
    this.abort(exitCode);
  }

  #listen(name: NodeJS.Signals, listener: () => void): void {
    this.#listeners.push([name, listener]);
    this.#source.on(name, listener);
  }

  #dropListeners(): void {
    for (const [name, listener] of this.#listeners.splice(0)) this.#source.off(name, listener);
  }
}
