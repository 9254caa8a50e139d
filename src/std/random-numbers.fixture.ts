/** Numbers from 0 to below 1, the same for the same seed in every run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from 0 on, below what is asked for. */
export type Draw = (below: number) => number;

/** As `randomNumbers`, in whole numbers. */
export function randomDraws(seed: number): Draw {
  const next = randomNumbers(seed);
  return (below) => Math.floor(next() * below);
}
