import { Fault } from '../errors/index.ts';
import { throwIfAborted } from './abort.ts';

/** Runs `work` when there is room for it, in the order of the calls. */
export type Limit = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/**
 * At most `max` works at once. A call whose signal is aborted while it waits is rejected as `cancelled` and its work
 * never starts; once started, cancelling is the work's own matter.
 */
export function createLimit(max: number): Limit {
  const waiting = new Set<() => void>();
  let running = 0;
  return async (work, signal) => {
    throwIfAborted(signal, 'wait for a turn');
    if (running < max) running++;
    else await turn(waiting, signal);
    try {
      return await work();
    } finally {
      // The place is handed on, never given back while somebody waits: a newcomer could take it first.
      const [next] = waiting;
      if (next === undefined) running--;
      else next();
    }
  };
}

function turn(waiting: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leaveQueue = (): void => {
      waiting.delete(start);
      signal?.removeEventListener('abort', abort);
    };
    const start = (): void => {
      leaveQueue();
      resolve();
    };
    const abort = (): void => {
      leaveQueue();
      reject(new Fault('cancelled', 'wait for a turn: cancelled', { cause: signal?.reason }));
    };
    waiting.add(start);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
