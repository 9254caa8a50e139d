import { Fault } from '../errors/index.ts';

/** Throws a `cancelled` Fault if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined, during: string): void {
  if (signal?.aborted === true) throw new Fault('cancelled', `${during}: cancelled`, { cause: signal.reason });
}

/** As `promise`, but rejects with a `cancelled` Fault as soon as the signal is aborted; the promise itself goes on. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined, during: string): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Fault('cancelled', `${during}: cancelled`, { cause: signal.reason }));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
