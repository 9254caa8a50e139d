import { Fault } from '../errors/index.ts';
import { throwIfAborted } from './abort.ts';

/**
 * Runs the works side by side and gives their results in order. The first that fails cancels the others; when this settles,
 * all of them have ended. Throws the failure that was the cause, not those that followed from it.
 */
export async function together<T>(
  works: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal?: AbortSignal,
): Promise<readonly T[]> {
  const stop = new AbortController();
  const shared = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const settled = await Promise.allSettled(
    works.map(async (work) => {
      try {
        return await work(shared);
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
  throwIfAborted(signal, 'work side by side');
  const failures = settled.filter((each) => each.status === 'rejected').map((each): unknown => each.reason);
  if (failures.length > 0) throw failures.find((each) => !Fault.is(each, 'cancelled')) ?? failures[0];
  return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}
