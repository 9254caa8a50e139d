import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { errnoOf } from '../host/index.ts';
import type { LogRecord } from './container-log.ts';
import { parseLogLine } from './container-log.ts';
import { tailOffset } from './log-tail.ts';

export interface ReadLogOptions {
  /** Goes on after what is there, until `isWritten` says that nobody writes any more and all is read. */
  readonly follow: false | { readonly isWritten: () => boolean };
  /** The last lines only, so many. */
  readonly tail?: number;
  /** Nothing older than this, in milliseconds since 1970. */
  readonly sinceMs?: number;
  /** Ends the iteration, without a failure. */
  readonly signal: AbortSignal;
}

/** A container's log from its beginning, record by record. A log that is not there yet is an empty one. */
export async function* readLog(path: string, options: ReadLogOptions): AsyncGenerator<LogRecord, void, undefined> {
  const fd = openLog(path);
  if (fd === undefined) return;
  try {
    const start = options.tail === undefined ? 0 : tailOffset(fd, fstatSync(fd).size, options.tail);
    const reading = new Reading(fd, start);
    for (;;) {
      const goesOn = options.follow !== false && options.follow.isWritten() && !options.signal.aborted;
      for (const record of reading.records(path)) {
        if (options.signal.aborted) return;
        if (record.time.sec * 1000 + record.time.nsec / 1e6 >= (options.sinceMs ?? -Infinity)) yield record;
      }
      if (!goesOn) return;
      await changed(path, { signal: options.signal, hasMore: () => reading.hasMore() });
    }
  } finally {
    closeSync(fd);
  }
}

/** How far a log has been read. */
class Reading {
  readonly #fd: number;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(fd: number, offset: number) {
    this.#fd = fd;
    this.#offset = offset;
  }

  hasMore(): boolean {
    return fstatSync(this.#fd).size > this.#offset;
  }

  /** The records of the whole lines between here and the end. */
  *records(path: string): Generator<LogRecord, void, undefined> {
    for (let block = this.#next(); block.length > 0; block = this.#next()) {
      let text = Buffer.concat([this.#rest, block]);
      for (let feed = text.indexOf(lineFeed); feed >= 0; feed = text.indexOf(lineFeed)) {
        const record = parseLogLine(text.subarray(0, feed));
        text = text.subarray(feed + 1);
        if (record !== undefined) yield record;
      }
      if (text.length > lineLimitBytes)
        throw new Fault('corrupt', `read log ${path}: a line of over ${lineLimitBytes} bytes`);
      this.#rest = Buffer.from(text);
    }
  }

  #next(): Buffer {
    const block = Buffer.alloc(blockBytes);
    const length = readSync(this.#fd, block, 0, block.length, this.#offset);
    this.#offset += length;
    return block.subarray(0, length);
  }
}

const blockBytes = 64 * 1024;
const lineLimitBytes = 1024 * 1024;
const lineFeed = 10;
const checkMs = 500;

/** Settles when the file may have changed, after an abort, and after half a second in any case. */
async function changed(
  path: string,
  options: { readonly signal: AbortSignal; readonly hasMore: () => boolean },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  const watcher = watch(path, done);
  watcher.on('error', done);
  const timer = setTimeout(done, checkMs);
  options.signal.addEventListener('abort', done, { once: true });
  if (options.signal.aborted || options.hasMore()) done();
  return promise.finally(() => {
    watcher.close();
    clearTimeout(timer);
    options.signal.removeEventListener('abort', done);
  });
}

function openLog(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new Fault('internal', `read log ${path}: cannot be opened`, { cause: error });
  }
}
