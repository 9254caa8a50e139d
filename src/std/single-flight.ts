import { orAborted } from './abort.ts';

/** The result of the work under way for `key`; starts `work` if there is none. */
export type SingleFlight<K, V> = (
  key: K,
  work: (signal: AbortSignal) => Promise<V>,
  signal?: AbortSignal,
) => Promise<V>;

interface Flight<V> {
  readonly result: Promise<V>;
  readonly controller: AbortController;
  passengers: number;
}

/**
 * One work at a time for a key: all who ask while it is under way get its result or its failure. Nothing is remembered
 * afterwards. A caller whose signal is aborted leaves alone; the work is cancelled when the last one has left.
 */
export function createSingleFlight<K, V>(): SingleFlight<K, V> {
  const flights = new Map<K, Flight<V>>();

  const takeOff = (key: K, work: (signal: AbortSignal) => Promise<V>): Flight<V> => {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => land(key, flight));
    const flight: Flight<V> = { result, controller, passengers: 0 };
    flights.set(key, flight);
    return flight;
  };
  /** True if it was still under way. */
  const land = (key: K, flight: Flight<V>): boolean => flights.get(key) === flight && flights.delete(key);

  return async (key, work, signal) => {
    const flight = flights.get(key) ?? takeOff(key, work);
    flight.passengers++;
    try {
      return await orAborted(flight.result, signal, 'wait for the same work');
    } finally {
      flight.passengers--;
      if (flight.passengers === 0 && land(key, flight)) flight.controller.abort();
    }
  };
}
