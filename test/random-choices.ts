import { randomNumbers } from '../src/std/random-numbers.fixture.ts';

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
  const next = randomNumbers(seed);
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
