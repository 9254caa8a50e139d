import type { RawNode } from './parse-tree.ts';
import type { Word } from './position.ts';
import { didYouMean } from './suggestion.ts';

/** `text` and `switch` may come once, `list` any number of times; a switch may stand without a value. */
export type FlagKind = 'text' | 'switch' | 'list';

/** Says why an instruction is refused; gives undefined, so that a parser can end with it. */
export type Refuse = (
  message: string,
  place?: { readonly word?: Word | undefined; readonly hint?: string },
) => undefined;

export interface Flags {
  /** The value, or undefined where the flag is absent. */
  text(name: string): Word | undefined;
  /** The value, or undefined where the flag is absent or empty. */
  filled(name: string): Word | undefined;
  switch(name: string): boolean | undefined;
  list(name: string): readonly Word[];
}

/** Reads an instruction's flags by what it knows. The first that is unknown or misused is refused. */
export function parseFlags(
  node: RawNode,
  known: Readonly<Record<string, FlagKind>>,
  refuse: Refuse,
): Flags | undefined {
  const values = new Map<string, Word[]>();
  for (const word of node.flags) {
    const equals = word.text.indexOf('=');
    const name = word.text.slice(2, equals < 0 ? undefined : equals);
    const problem = problemWith(word, { name, kind: ownKind(known, name), isRepeated: values.has(name) });
    if (problem !== undefined) return refuse(problem + suggestion(name, known), { word });
    const value = equals < 0 ? 'true' : word.text.slice(equals + 1);
    values.set(name, [...(values.get(name) ?? []), { text: value, span: word.span }]);
  }
  return flagsOf(values);
}

function flagsOf(values: ReadonlyMap<string, readonly Word[]>): Flags {
  return {
    text: (name) => values.get(name)?.[0],
    filled: (name) => {
      const word = values.get(name)?.[0];
      return word?.text === '' ? undefined : word;
    },
    switch: (name) => {
      const word = values.get(name)?.[0];
      return word === undefined ? undefined : word.text.toLowerCase() === 'true';
    },
    list: (name) => values.get(name) ?? [],
  };
}

function problemWith(
  word: Word,
  flag: { readonly name: string; readonly kind: FlagKind | undefined; readonly isRepeated: boolean },
): string | undefined {
  const equals = word.text.indexOf('=');
  const value = word.text.slice(equals + 1);
  if (flag.kind === undefined) return `unknown flag: --${flag.name}`;
  if (flag.isRepeated && flag.kind !== 'list') return `duplicate flag specified: --${flag.name}`;
  if (equals < 0 && flag.kind !== 'switch') return `missing a value on flag: --${flag.name}`;
  if (flag.kind !== 'switch' || equals < 0) return undefined;
  if (value === '') return `missing a value on flag: --${flag.name}`;
  if (/^(true|false)$/i.test(value)) return undefined;
  return `expecting boolean value for flag --${flag.name}, not: ${value}`;
}

function suggestion(name: string, known: Readonly<Record<string, FlagKind>>): string {
  return ownKind(known, name) === undefined ? didYouMean(name, Object.keys(known)) : '';
}

function ownKind(known: Readonly<Record<string, FlagKind>>, name: string): FlagKind | undefined {
  return Object.hasOwn(known, name) ? known[name] : undefined;
}
