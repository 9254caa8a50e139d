import type { Escape, LexResult, Lookup } from './lexer-state.ts';
import { lex } from './word-lexer.ts';

export interface ExpandOptions {
  /** What a variable holds as the instruction begins: nothing that the same instruction sets is seen by it. */
  readonly env: Lookup;
  readonly escape: Escape;
}

export type Expansion = {
  /** Names that were looked up and found. */
  readonly used: ReadonlySet<string>;
  /** Names that were looked up and are not set. */
  readonly unset: ReadonlySet<string>;
} & (
  | { readonly kind: 'expanded'; readonly value: string }
  | {
      readonly kind: 'failed';
      /** Begins with `failed to process "WORD": `. */
      readonly message: string;
    }
);

/**
 * The value of one word: variables expanded, quotes and escapes removed, blanks kept. Understands `$v`, `${v}`,
 * `${v:-w}`, `${v-w}`, `${v:+w}`, `${v+w}`, `${v:?m}`, `${v?m}`, `${v#p}`, `${v##p}`, `${v%p}`, `${v%%p}`,
 * `${v/p/r}` and `${v//p/r}`; the words in them nest.
 */
export function expandWord(word: string, options: ExpandOptions): Expansion {
  return lex(word, { lookup: options.env, escape: options.escape });
}

/** As `expandWord`, then split at the blanks that no quote or escape protects, as EXPOSE does. */
export function expandWords(word: string, options: ExpandOptions): LexResult {
  return lex(word, { lookup: options.env, escape: options.escape });
}

/**
 * The body of a here-document of COPY or ADD: variables and escapes as in a word, quotes as they stand. The escape is
 * always a backslash.
 */
export function expandHeredoc(content: string, options: Pick<ExpandOptions, 'env'>): Expansion {
  return lex(content, { lookup: options.env, escape: '\\', plainQuotes: true });
}
