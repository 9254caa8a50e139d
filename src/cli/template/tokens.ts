import { syntaxFault } from './syntax.ts';

export interface Token {
  readonly kind: 'string' | 'number' | 'character' | 'field' | 'dot' | 'variable' | 'word' | 'sign';
  readonly text: string;
  /** Offset in the template. */
  readonly offset: number;
  readonly afterSpace: boolean;
}

/** A template as Go's lexer cuts it: text as it is, and actions as tokens. */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly line: number };

const patterns: readonly (readonly [Token['kind'], RegExp])[] = [
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['character', /'(?:[^'\\\n]|\\.)+'/y],
  ['number', /[+-]?(?:0[xX][\da-fA-F]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)/y],
  ['field', /\.[A-Za-z_]\w*/y],
  ['dot', /\./y],
  ['variable', /\$\w*/y],
  ['word', /[A-Za-z_]\w*/y],
  ['sign', /:=|=|\||\(|\)|,/y],
];

/** Cuts a template up. `{{-` and `-}}` take the white space before and after with them; comments vanish. */
export function* cutTemplate(source: string): Generator<Segment> {
  let at = 0;
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf('{{', at);
    const trimsBefore = open >= 0 && /^-\s/.test(source.slice(open + 2, open + 4));
    const raw = source.slice(at, open < 0 ? undefined : open);
    const left = trimNext ? raw.trimStart() : raw;
    const text = trimsBefore ? left.trimEnd() : left;
    if (text !== '') yield { kind: 'text', text };
    if (open < 0) return;
    const action = cutAction(source, open + (trimsBefore ? 3 : 2));
    if (action.tokens.length > 0 || !action.isComment) {
      yield { kind: 'action', tokens: action.tokens, line: lineAt(source, open) };
    }
    at = action.end;
    trimNext = action.trimsAfter;
  }
}

export function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

interface Action {
  readonly tokens: readonly Token[];
  readonly end: number;
  readonly trimsAfter: boolean;
  readonly isComment: boolean;
}

function cutAction(source: string, start: number): Action {
  const comment = /\s*\/\*[\s\S]*?\*\/(\s+-)?\}\}/y;
  comment.lastIndex = start;
  const match = comment.exec(source);
  if (match) return { tokens: [], end: comment.lastIndex, trimsAfter: match[1] !== undefined, isComment: true };
  const tokens: Token[] = [];
  let at = start;
  for (;;) {
    const space = /\s*/y;
    space.lastIndex = at;
    const blanks = space.exec(source)?.[0].length ?? 0;
    at += blanks;
    if (blanks > 0 && source.startsWith('-}}', at)) return { tokens, end: at + 3, trimsAfter: true, isComment: false };
    if (source.startsWith('}}', at)) return { tokens, end: at + 2, trimsAfter: false, isComment: false };
    const token = readToken(source, at, blanks > 0);
    tokens.push(token);
    at += token.text.length;
  }
}

function readToken(source: string, offset: number, afterSpace: boolean): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = offset;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) return { kind, text, offset, afterSpace };
  }
  const line = lineAt(source, offset);
  const rest = source.slice(offset);
  if (rest === '') throw syntaxFault(line, 'unclosed action');
  if (rest.startsWith('"')) throw syntaxFault(line, 'unterminated quoted string');
  if (rest.startsWith('`')) throw syntaxFault(line, 'unterminated raw quoted string');
  throw syntaxFault(line, `unexpected ${JSON.stringify(rest[0])} in command`);
}
