import { Refusal } from './refusal.ts';
import { splitAtSpaces } from './white-space.ts';

/** The character that takes the meaning from the next one: `\`, or a backtick after `# escape=`. */
export type Escape = '\\' | '`';

/** The value of a variable; undefined where it is not set, which is not the same as empty. */
export type Lookup = (name: string) => string | undefined;

export interface LexOptions {
  readonly lookup: Lookup;
  readonly escape: Escape;
  /** Quotes stay in the result. */
  readonly keepQuotes?: boolean;
  /** Escape characters stay in the result. */
  readonly keepEscapes?: boolean;
  /** Quotes are ordinary characters, as in the body of a here-document. */
  readonly plainQuotes?: boolean;
  /** A variable that is not set stays as it is written. */
  readonly keepUnset?: boolean;
}

/** What became of a word; `used` and `unset` are the names that were looked up and found, or not. */
export type LexResult = {
  readonly used: ReadonlySet<string>;
  readonly unset: ReadonlySet<string>;
} & (
  | { readonly kind: 'expanded'; readonly value: string; readonly words: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string }
);

/** A hostile file could double a variable forty times. */
const maxResultChars = 1 << 24;

/** A lexer at work: how far it has read, and what it has looked up. */
export interface Lexer {
  readonly text: string;
  readonly options: LexOptions;
  readonly used: Set<string>;
  readonly unset: Set<string>;
  at: number;
  /** How many `${` are open. */
  depth: number;
  keepEscapes: boolean;
}

export function createLexer(text: string, options: LexOptions): Lexer {
  const keepEscapes = options.keepEscapes ?? false;
  return { text, options, used: new Set(), unset: new Set(), at: 0, depth: 0, keepEscapes };
}

/** The value of a variable, remembered as looked up. */
export function valueOf(lexer: Lexer, name: string): string | undefined {
  const value = lexer.options.lookup(name);
  (value === undefined ? lexer.unset : lexer.used).add(name);
  return value;
}

/** A result in the making and, beside it, the words that it falls into. */
export interface Collected {
  value: string;
  /** The words that are complete. */
  readonly words: string[];
  /** The one that is not; empty between words. */
  word: string;
}

/** Adds text in which blanks separate words. */
export function addSplit(collected: Collected, text: string): void {
  collected.value = bounded(collected.value + text);
  const [first = '', ...others] = splitAtSpaces(text);
  collected.word += first;
  for (const other of others) {
    finishWord(collected);
    collected.word = other;
  }
}

/** Adds text that belongs to one word, blanks and all. */
export function addWhole(collected: Collected, text: string): void {
  collected.value = bounded(collected.value + text);
  collected.word += text;
}

export function finishWord(collected: Collected): Collected {
  if (collected.word !== '') collected.words.push(collected.word);
  collected.word = '';
  return collected;
}

/** The result, if it is not larger than any honest one. */
export function bounded(result: string): string {
  if (result.length > maxResultChars) throw new Refusal(`the result is longer than ${maxResultChars} characters`);
  return result;
}
