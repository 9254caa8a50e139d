import type { Fault } from '../errors/index.ts';
import type { Clock } from './clock.ts';

/** Waits so many milliseconds; rejects with a `cancelled` Fault as soon as the signal is aborted. Injected, as `Clock` is. */
export type Sleep = (delayMs: number, signal: AbortSignal | undefined) => Promise<void>;

/** How one try ended: with a value, or in a way that may be better next time. What is hopeless is thrown. */
export type Attempt<T> =
  | { readonly kind: 'done'; readonly value: T }
  | {
      readonly kind: 'again';
      readonly fault: Fault;
      /** Not before; the other side asked for it. */ readonly afterMs?: number;
    };

export interface RetryOptions {
  /** Tries in all, the first included. */
  readonly maxAttempts: number;
  /** The wait before the second try; it doubles from try to try. */
  readonly firstDelayMs: number;
  /** No wait is longer. Where the other side asks for more, the try fails at once. */
  readonly maxDelayMs: number;
  /** No try begins later than so long after the first. Default: however long they take. */
  readonly within?: { readonly clock: Clock; readonly totalMs: number } | undefined;
  readonly sleep: Sleep;
  /** From 0 to 1: how much of a delay's second half is waited, so that many clients do not come back together. */
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** Tries until `attempt` is done. Throws the fault of the last try when there were enough. */
export async function retry<T>(attempt: () => Promise<Attempt<T>>, options: RetryOptions): Promise<T> {
  const isLate = deadline(options.within);
  for (let number = 1; ; number++) {
    const result = await attempt();
    if (result.kind === 'done') return result.value;
    const delayMs = Math.max(backoffMs(number, options), result.afterMs ?? 0);
    if (number >= options.maxAttempts || delayMs > options.maxDelayMs || isLate(delayMs)) throw result.fault;
    await options.sleep(delayMs, options.signal);
  }
}

function deadline(within: RetryOptions['within']): (delayMs: number) => boolean {
  if (within === undefined) return () => false;
  const { clock, totalMs } = within;
  const startedMs = clock.now();
  return (delayMs) => clock.now() - startedMs + delayMs > totalMs;
}

function backoffMs(failures: number, { firstDelayMs, maxDelayMs, random }: RetryOptions): number {
  const fullMs = Math.min(firstDelayMs * 2 ** (failures - 1), maxDelayMs);
  return fullMs / 2 + (fullMs / 2) * random();
}
