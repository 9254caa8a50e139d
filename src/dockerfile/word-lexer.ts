import {
  type Collected,
  type LexOptions,
  type LexResult,
  type Lexer,
  addSplit,
  addWhole,
  bounded,
  createLexer,
  finishWord,
  valueOf,
} from './lexer-state.ts';
import { Refusal } from './refusal.ts';
import { parseShellPattern, replaceAll, replaceFirst, trimPrefix, trimSuffix } from './shell-pattern.ts';
import type { WildcardProgram } from './wildcard.ts';

const maxShownChars = 400;

/**
 * Expands variables, removes quotes and escapes, and splits into words, as a shell does and with BuildKit's choices
 * where shells differ. Splitting follows expansion: an unquoted value with spaces gives several words.
 */
export function lex(text: string, options: LexOptions): LexResult {
  const lexer = createLexer(text, options);
  const { used, unset } = lexer;
  try {
    const { value, words } = untilStop(lexer, undefined);
    return { kind: 'expanded', value, words, used, unset };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const shown = JSON.stringify(text.length > maxShownChars ? `${text.slice(0, maxShownChars)}…` : text);
    return { kind: 'failed', message: `failed to process ${shown}: ${error.message}`, used, unset };
  }
}

/** Reads on to `stop`, which is consumed, or to the end where none is given. */
function untilStop(lexer: Lexer, stop: string | undefined): Collected {
  const collected: Collected = { value: '', words: [], word: '' };
  const { text, options } = lexer;
  while (lexer.at < text.length) {
    const char = text.charAt(lexer.at);
    if (char === stop) {
      lexer.at++;
      return finishWord(collected);
    }
    if (char === '$') addSplit(collected, dollar(lexer));
    else if (char === '<') addWhole(collected, possibleHeredoc(lexer));
    else if (char === "'" && options.plainQuotes !== true) addWhole(collected, singleQuoted(lexer));
    else if (char === '"' && options.plainQuotes !== true) addWhole(collected, doubleQuoted(lexer));
    else if (char === options.escape) addWhole(collected, escaped(lexer));
    else addSplit(collected, plain(lexer));
  }
  if (stop !== undefined) throw new Refusal(`unexpected end of statement while looking for matching ${stop}`);
  return finishWord(collected);
}

/** `${a:-${b:-…}}` may nest this deep. */
const maxDepth = 100;
const special = /[$<'"\\`}/]/g;

/** The run of characters that mean nothing; the one at hand is always taken. */
function plain(lexer: Lexer): string {
  const start = lexer.at;
  special.lastIndex = start + 1;
  lexer.at = special.exec(lexer.text)?.index ?? lexer.text.length;
  return lexer.text.slice(start, lexer.at);
}

function escaped(lexer: Lexer): string {
  const escape = lexer.keepEscapes ? lexer.options.escape : '';
  const next = lexer.text.codePointAt(lexer.at + 1);
  const char = next === undefined ? '' : String.fromCodePoint(next);
  lexer.at += 1 + char.length;
  return escape + char;
}

/** Blanks between `<<` and the name of a here-document do not end the word. */
function possibleHeredoc(lexer: Lexer): string {
  const start = lexer.at;
  lexer.at++;
  if (lexer.text.charAt(lexer.at) !== '<') return '<';
  lexer.at++;
  while (' \t\r\v\f'.includes(lexer.text.charAt(lexer.at) || 'x')) lexer.at++;
  return lexer.text.slice(start, lexer.at);
}

function singleQuoted(lexer: Lexer): string {
  const end = lexer.text.indexOf("'", lexer.at + 1);
  if (end < 0) {
    lexer.at = lexer.text.length;
    throw new Refusal('unexpected end of statement while looking for matching single-quote');
  }
  const inner = lexer.text.slice(lexer.at + 1, end);
  lexer.at = end + 1;
  return lexer.options.keepQuotes === true ? `'${inner}'` : inner;
}

function doubleQuoted(lexer: Lexer): string {
  const { text, options } = lexer;
  const quote = options.keepQuotes === true ? '"' : '';
  let result = quote;
  lexer.at++;
  while (lexer.at < text.length) {
    const char = text.charAt(lexer.at);
    if (char === '"') {
      lexer.at++;
      return result + quote;
    }
    if (char === '$') result = bounded(result + dollar(lexer));
    else if (char === options.escape) result += escapedInQuotes(lexer);
    else result += plain(lexer);
  }
  throw new Refusal('unexpected end of statement while looking for matching double-quote');
}

/** Inside double quotes only the quote, the dollar and the escape itself can be escaped. */
function escapedInQuotes(lexer: Lexer): string {
  const { escape } = lexer.options;
  const kept = lexer.keepEscapes ? escape : '';
  const next = lexer.text.charAt(lexer.at + 1);
  lexer.at++;
  if (next === '') return kept;
  if (next !== '"' && next !== '$' && next !== escape) return kept + escape;
  lexer.at++;
  return kept + next;
}

function dollar(lexer: Lexer): string {
  lexer.at++;
  if (lexer.text.charAt(lexer.at) === '{') {
    lexer.at++;
    return braced(lexer);
  }
  const name = readName(lexer);
  if (name === '') return '$';
  return valueOf(lexer, name) ?? (lexer.options.keepUnset === true ? `$${name}` : '');
}

const nameStart = /\p{Nd}+|[@*#?\-$!0]|[\p{L}\p{Nd}_]*/uy;

/** Letters, digits and `_`; a number; or one of the shell's special parameters. May be empty. */
function readName(lexer: Lexer): string {
  nameStart.lastIndex = lexer.at;
  const name = nameStart.exec(lexer.text)?.[0] ?? '';
  lexer.at += name.length;
  return name;
}

function braced(lexer: Lexer): string {
  if (lexer.at >= lexer.text.length) throw new Refusal("syntax error: missing '}'");
  if ('{}:'.includes(lexer.text.charAt(lexer.at))) throw new Refusal('syntax error: bad substitution');
  if (++lexer.depth > maxDepth) throw new Refusal(`substitutions nest more than ${maxDepth} deep`);
  const name = readName(lexer);
  const operator = readOperator(lexer);
  const result = substitute(lexer, name, operator);
  lexer.depth--;
  return result;
}

function readOperator(lexer: Lexer): string {
  if (lexer.at >= lexer.text.length) throw new Refusal("syntax error: missing '}'");
  const length = lexer.text.charAt(lexer.at) === ':' ? 2 : 1;
  const operator = lexer.text.slice(lexer.at, lexer.at + length);
  lexer.at += length;
  return operator;
}

function substitute(lexer: Lexer, name: string, operator: string): string {
  switch (operator) {
    case '}':
      return valueOf(lexer, name) ?? (lexer.options.keepUnset === true ? `\${${name}}` : '');
    case '/':
      return replaced(lexer, name);
    case '#':
    case '%':
      return trimmed(lexer, name, operator);
    case '-':
    case '+':
    case '?':
    case ':-':
    case ':+':
    case ':?':
      return conditional(lexer, name, operator);
    default:
      // As in BuildKit, the name counts as looked up before what follows its colon is.
      if (operator.startsWith(':')) valueOf(lexer, name);
      throw new Refusal(`unsupported modifier (${operator}) in substitution`);
  }
}

function conditional(lexer: Lexer, name: string, operator: string): string {
  const word = operand(lexer, '}', false);
  const value = valueOf(lexer, name);
  if (value === undefined && lexer.options.keepUnset === true) return `\${${name}${operator}${word}}`;
  const absent = value === undefined || (operator.startsWith(':') && value === '');
  if (operator.endsWith('+')) return absent ? '' : word;
  if (!absent) return value;
  if (operator.endsWith('-')) return word;
  throw new Refusal(`${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`);
}

function trimmed(lexer: Lexer, name: string, operator: string): string {
  const word = operand(lexer, '}', true);
  const value = valueOf(lexer, name);
  if (value === undefined && lexer.options.keepUnset === true) return `\${${name}${operator}${word}}`;
  const longest = word.startsWith(operator);
  const program = patternOf(longest ? word.slice(1) : word);
  return finished((operator === '#' ? trimPrefix : trimSuffix)(program, value ?? '', longest));
}

function replaced(lexer: Lexer, name: string): string {
  const all = lexer.text.charAt(lexer.at) === '/';
  if (all) lexer.at++;
  const pattern = operand(lexer, '/', true);
  const replacement = operand(lexer, '}', true);
  const value = valueOf(lexer, name);
  if (value === undefined && lexer.options.keepUnset === true) return `\${${name}/${pattern}/${replacement}}`;
  const program = patternOf(pattern);
  return bounded(finished((all ? replaceAll : replaceFirst)(program, value ?? '', replacement)));
}

/** The word after an operator, itself expanded, up to `stop`. */
function operand(lexer: Lexer, stop: '}' | '/', keepEscapes: boolean): string {
  const before = lexer.keepEscapes;
  lexer.keepEscapes = keepEscapes;
  const { value } = lexer.at < lexer.text.length ? untilClosed(lexer, stop) : unclosed(stop);
  lexer.keepEscapes = before;
  return value;
}

function untilClosed(lexer: Lexer, stop: '}' | '/'): { readonly value: string } {
  try {
    return untilStop(lexer, stop);
  } catch (error) {
    if (error instanceof Refusal && lexer.at >= lexer.text.length) unclosed(stop);
    throw error;
  }
}

function unclosed(stop: '}' | '/'): never {
  throw new Refusal(stop === '}' ? "syntax error: missing '}'" : "syntax error: missing '/' in ${}");
}

function patternOf(text: string): WildcardProgram {
  const pattern = parseShellPattern(text);
  if (pattern.kind === 'pattern') return pattern.program;
  throw new Refusal(`invalid pattern (${text}) in substitution: ${pattern.message}`);
}

function finished(result: string | undefined): string {
  if (result === undefined) throw new Refusal('the pattern takes too much work on a value of this length');
  return result;
}
