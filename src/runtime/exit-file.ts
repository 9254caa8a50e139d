import { readFileSync, renameSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { errnoOf } from '../host/index.ts';

/** The exit code in `directory`/exit, moved there when it is whole; undefined while there is none. */
export function readExitCode(directory: string): number | undefined {
  const path = join(directory, 'exit');
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  if (/^\d{1,3}\s*$/.test(text)) return Number(text);
  throw new Fault('corrupt', `read exit code ${path}: "${text.slice(0, 40)}" is not one`);
}

/** Writes it down, in one step for those who read or wait. */
export function writeExitCode(directory: string, code: number): void {
  const path = join(directory, 'exit');
  writeFileSync(`${path}.new`, String(code), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export interface ExitWaiting {
  readonly signal: AbortSignal;
  /** Whether somebody is still there who will write the code; asked from time to time. */
  readonly isAwaited: () => boolean;
}

/**
 * Waits for the exit code in `directory`. Fault `cancelled` after an abort, `internal` once nobody is there to write it.
 */
export async function waitForExitCode(directory: string, options: ExitWaiting): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const look = (): void => {
    try {
      const code = readExitCode(directory);
      if (code !== undefined) resolve(code);
    } catch (error) {
      reject(error);
    }
  };
  const abort = (): void => reject(new Fault('cancelled', `wait for the container in ${directory}: cancelled`));
  const watcher = watch(directory, look);
  watcher.on('error', reject);
  const timer = setInterval(() => {
    const awaited = options.isAwaited();
    look();
    if (!awaited)
      reject(new Fault('internal', `wait for the container in ${directory}: its monitor died and left no exit code`));
  }, checkMs);
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort();
  look();
  return promise.finally(() => {
    watcher.close();
    clearInterval(timer);
    options.signal.removeEventListener('abort', abort);
  });
}

const checkMs = 500;

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
