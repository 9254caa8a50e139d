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
 * A stream of the program. Writing never throws: when the reader is gone (`varve images | head -1`) or the disk is full,
 * what is written from then on is dropped, `failure` says why, and `onFailure` is called once, so that the work can end.
 */
export class Output {
  readonly #open: () => OutputStream;
  readonly #onFailure: (error: Error) => void;
  #stream: OutputStream | undefined;
  #failure: Error | undefined;

  /** `open` is called on first use: Node takes milliseconds to make a stream of a descriptor. */
  constructor(open: () => OutputStream, onFailure: (error: Error) => void = () => {}) {
    this.#open = open;
    this.#onFailure = onFailure;
  }

  get stream(): OutputStream {
    if (this.#stream !== undefined) return this.#stream;
    this.#stream = this.#open();
    this.#stream.on('error', (error: Error) => this.#fail(error));
    return this.#stream;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  /** 80 where the terminal does not know, or says none, as new pseudo-terminals do. */
  get columns(): number {
    return this.stream.columns || 80;
  }

  get rows(): number {
    return this.stream.rows || 24;
  }

  /** For what is small: does not wait for the reader. */
  print(text: string): void {
    if (this.#failure === undefined) this.stream.write(text);
  }

  /** For what is large: resolves when the reader keeps up. */
  async write(chunk: Uint8Array | string): Promise<void> {
    if (this.#failure !== undefined || this.stream.write(chunk)) return;
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
    const stream = this.#stream;
    if (stream === undefined || this.#failure !== undefined) return;
    await new Promise<void>((resolve) => {
      stream.once('error', () => resolve());
      stream.write('', (error) => {
        if (error) this.#fail(error);
        resolve();
      });
    });
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#onFailure(error);
  }
}
