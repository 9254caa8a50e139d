import { trimStart } from './white-space.ts';

/** What an instruction's arguments are when looked at as JSON. */
export type JsonArray =
  | {
      readonly kind: 'strings';
      readonly values: readonly string[];
      /** Start and end of each value in the text, quotes included. */
      readonly places: readonly (readonly [start: number, end: number])[];
    }
  /** An array that holds something else than strings: an error, not shell form. */
  | { readonly kind: 'mixed' }
  | { readonly kind: 'none' };

const stringLiteral = /"(?:[^"\\]|\\.)*"/g;

/** Reads an array of strings. Whatever is not a JSON array, however nearly, is `none`, and so shell form. */
export function parseJsonArray(text: string): JsonArray {
  const blanks = text.length - trimStart(text).length;
  if (text.charAt(blanks) !== '[') return { kind: 'none' };
  const values = parse(text.slice(blanks));
  if (values === undefined) return { kind: 'none' };
  if (!values.every((each) => typeof each === 'string')) return { kind: 'mixed' };
  const places = Array.from(text.matchAll(stringLiteral), (match) => placeOf(match));
  return { kind: 'strings', values: values.map((each) => each.toWellFormed()), places };
}

function placeOf(match: RegExpExecArray): readonly [start: number, end: number] {
  return [match.index, match.index + match[0].length];
}

/** A number that is too large for any type makes it no JSON at all. */
function parse(text: string): readonly unknown[] | undefined {
  try {
    const values = JSON.parse(text) as readonly unknown[];
    return values.includes(Number.POSITIVE_INFINITY) || values.includes(Number.NEGATIVE_INFINITY) ? undefined : values;
  } catch {
    return undefined;
  }
}
