/** What the program needs of a stream that it writes to; `process.stdout` is one. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What the program needs of standard input. */
export interface InputStream extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/**
 * A stream of the program. Writing never fails: when the reader is gone (`varve images | head -1`), what is written
 * is dropped and `onClosed` is called once, so that the work can end.
 */
export class Output {
  readonly stream: OutputStream;
  readonly isTerminal: boolean;
  #open = true;

  constructor(stream: OutputStream, onClosed: (error: Error) => void = () => {}) {
    this.stream = stream;
    this.isTerminal = stream.isTTY === true;
    stream.on('error', (error: Error) => {
      if (this.#open) onClosed(error);
      this.#open = false;
    });
  }

  get columns(): number {
    return this.stream.columns ?? 80;
  }

  get rows(): number {
    return this.stream.rows ?? 24;
  }

  /** For what is small: does not wait for the reader. */
  print(text: string): void {
    if (this.#open) this.stream.write(text);
  }

  /** For what is large: resolves when the reader keeps up. */
  async write(chunk: Uint8Array | string): Promise<void> {
    if (!this.#open || this.stream.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.stream.off('drain', done);
        this.stream.off('error', done);
        resolve();
      };
      this.stream.on('drain', done);
      this.stream.on('error', done);
    });
  }

  /** Resolves when all that was written has left the process, or cannot any more. */
  async flush(): Promise<void> {
    if (!this.#open) return;
    await new Promise<void>((resolve) => {
      this.stream.once('error', () => resolve());
      this.stream.write('', () => resolve());
    });
  }
}
