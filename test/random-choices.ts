/** Choices that follow from a number alone. */
export interface Choices {
  /** A whole number from 0 on, below the limit. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** From one to `most` of them, no one twice, in any order. */
  some<T>(from: readonly T[], most: number): readonly T[];
  shuffled<T>(all: readonly T[]): readonly T[];
}

export function randomChoices(seed: number): Choices {
  const next = numbersOf(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const shuffled = <T>(all: readonly T[]): readonly T[] => {
    const keyed = all.map((value) => ({ value, key: next() }));
    return keyed.toSorted((a, b) => a.key - b.key).map(({ value }) => value);
  };
  return {
    below,
    shuffled,
    chance: (probability) => next() < probability,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
    some: (from, most) => shuffled(from).slice(0, 1 + below(most)),
  };
}

/** Mulberry32: small, and evenly spread from the first number on. */
function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
