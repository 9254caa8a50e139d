import { suggest } from '../suggestion.ts';

/** Finds the name that was probably meant, or an empty text: ` (did you mean $NAME?)`. */
export type NearestName = (name: string, known: Iterable<string>) => string | undefined;

/** A hostile file could ask for the nearest of a million names a million times. */
const maxQuestions = 200;
const maxKnown = 2000;

export function createNearestName(): NearestName {
  let questions = 0;
  return (name, known) => {
    if (++questions > maxQuestions) return undefined;
    return suggest(name, [...Iterator.from(known).take(maxKnown)], { exactCase: true });
  };
}
