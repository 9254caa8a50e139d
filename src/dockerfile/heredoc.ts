import type { Span } from './position.ts';
import { lex } from './word-lexer.ts';

/** A here-document: the lines below an instruction, up to one that holds only `name`. */
export interface Heredoc {
  readonly name: string;
  /** The number before `<<`, 0 where there is none. */
  readonly descriptor: number;
  /** False where a part of the name was quoted. */
  readonly expand: boolean;
  /** Written `<<-`: leading tabs do not belong to the text. */
  readonly stripTabs: boolean;
  /** The lines as they stand in the file, leading tabs included. */
  readonly content: string;
  /** The lines of the text and the one that ends it. */
  readonly span: Span;
}

export type HeredocMark = Pick<Heredoc, 'name' | 'descriptor' | 'expand' | 'stripTabs'>;

export type HeredocResult =
  | { readonly kind: 'heredoc'; readonly mark: HeredocMark }
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly message: string };

const form = /^(\d*)<<(-?)[\t\n\f\r ]*([^<]*)$/;
const nothingSet = (): undefined => undefined;

/** Reads one word as the mark of a here-document: `<<EOF`, `<<-EOF`, `3<<"EOF"`. */
export function parseHeredocMark(word: string): HeredocResult {
  const match = form.exec(word);
  const quotedName = match?.[3] ?? '';
  if (quotedName === '') return { kind: 'none' };
  const bare = lex(quotedName, { lookup: nothingSet, escape: '\\', keepUnset: true });
  if (bare.kind === 'failed') return { kind: 'invalid', message: bare.message };
  const [name, ...others] = bare.words;
  if (name === undefined || others.length > 0) return { kind: 'none' };
  const quoted = lex(quotedName, { lookup: nothingSet, escape: '\\', keepUnset: true, keepQuotes: true });
  const raw = quoted.kind === 'expanded' ? (quoted.words[0] ?? '') : '';
  const mark = { name, expand: quotes(raw) === quotes(name), stripTabs: match?.[2] === '-' };
  return { kind: 'heredoc', mark: { ...mark, descriptor: Number(match?.[1] ?? '') } };
}

/** The here-documents that an instruction's line announces, in order. Only whole words count: `a<<EOF` is none. */
export function heredocMarks(line: string): readonly HeredocResult[] {
  if (!line.includes('<<')) return [];
  const result = lex(line, {
    lookup: nothingSet,
    escape: '\\',
    keepQuotes: true,
    keepEscapes: true,
    keepUnset: true,
  });
  if (result.kind === 'failed') return [];
  return result.words.map(parseHeredocMark).filter((each) => each.kind !== 'none');
}

/** The text of a here-document: without the leading tabs of its lines where it was written `<<-`. */
export function heredocText(heredoc: Pick<Heredoc, 'content' | 'stripTabs'>): string {
  return heredoc.stripTabs ? heredoc.content.replaceAll(/^\t+/gm, '') : heredoc.content;
}

function quotes(text: string): number {
  return text.split(/['"]/).length;
}
