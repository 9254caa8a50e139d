import { createLimit, type Limit } from '../std/index.ts';

/**
 * One of the places for downloads from a host; waits until one is free. There are as many as browsers have, for all that this process
 * pulls at once: a registry is not stormed, and on a long way no single connection that has become slow holds up the rest.
 * It is free again when it is disposed of, or when whoever asked is cancelled.
 */
export async function downloadPlace(host: string, signal: AbortSignal | undefined): Promise<Disposable> {
  const limit = limits.get(host) ?? createLimit(placesOfHost);
  limits.set(host, limit);
  return new Promise((resolve, reject) => {
    limit(() => held(resolve, signal), signal).catch(reject);
  });
}

const placesOfHost = 6;
const limits = new Map<string, Limit>();

function held(take: (place: Disposable) => void, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const leave = (): void => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    signal?.addEventListener('abort', leave);
    take({ [Symbol.dispose]: leave });
  });
}
