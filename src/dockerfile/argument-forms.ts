import { parseJsonArray } from './json-array.ts';
import { type LineRange, rangeOf, textOfRange, wordAt } from './logical-line.ts';
import type { Word } from './position.ts';
import { isSpace } from './white-space.ts';
import type { Escape } from './lexer-state.ts';

/** An instruction's arguments, or why they cannot be read. */
export type Arguments =
  | { readonly kind: 'arguments'; readonly words: readonly Word[]; readonly json: boolean }
  | { readonly kind: 'invalid'; readonly message: string; readonly word?: Word };

const notOnlyStrings = 'when using JSON array syntax, arrays must be comprised of strings only';

/** The whole rest as one word: USER, WORKDIR, STOPSIGNAL, MAINTAINER. */
export function wholeRest(rest: LineRange): Arguments {
  return { kind: 'arguments', words: isEmpty(rest) ? [] : [wordOf(rest)], json: false };
}

/** Words between blanks, quotes being ordinary characters: FROM, EXPOSE. */
export function blankSeparated(rest: LineRange): Arguments {
  const words: Word[] = [];
  for (const match of textOfRange(rest).matchAll(/[^\t\v\f\r ]+/g)) {
    const start = rest.start + match.index;
    words.push(wordAt(rest.line, start, start + match[0].length));
  }
  return { kind: 'arguments', words, json: false };
}

/** A JSON array, else `otherwise`: RUN, CMD, ENTRYPOINT and SHELL take the whole rest, COPY, ADD and VOLUME words. */
export function maybeJson(rest: LineRange, otherwise: (rest: LineRange) => Arguments): Arguments {
  const array = parseJsonArray(textOfRange(rest));
  if (array.kind === 'none') return otherwise(rest);
  if (array.kind === 'mixed') return { kind: 'invalid', message: notOnlyStrings };
  const words = array.values.map((value, index) => {
    const [start, end] = array.places[index] ?? [0, 0];
    return wordAt(rest.line, rest.start + start, rest.start + end, value);
  });
  return { kind: 'arguments', words, json: true };
}

/** HEALTHCHECK: a word that names the type, then a command. */
export function typeAndCommand(rest: LineRange): Arguments {
  const typeLength = textOfRange(rest).search(/\s|$/);
  if (typeLength === 0) return { kind: 'arguments', words: [], json: false };
  const command = maybeJson(rangeOf(rest.line, rest.start + typeLength, rest.end), wholeRest);
  if (command.kind === 'invalid') return command;
  const first = wordAt(rest.line, rest.start, rest.start + typeLength);
  return { kind: 'arguments', words: [first, ...command.words], json: command.json };
}

/** Words between blanks with quotes and escapes respected and kept: ARG. */
export function quotedWords(rest: LineRange, escape: Escape): Arguments {
  return { kind: 'arguments', words: shellWords(rest, escape), json: false };
}

/**
 * ENV and LABEL: `name=value …`, or the old `name value`. Gives three words for each pair: name, value, and the
 * separator, which is empty for the old form.
 */
export function nameValues(rest: LineRange, keyword: string, escape: Escape): Arguments {
  const words = shellWords(rest, escape);
  const [first] = words;
  if (first === undefined) return { kind: 'arguments', words: [], json: false };
  if (!first.text.includes('=')) return nameAndRest(rest, keyword);
  const triples: Word[] = [];
  for (const word of words) {
    const equals = word.text.indexOf('=');
    if (equals < 0) {
      const message = `Syntax error - can't find = in ${JSON.stringify(word.text)}. Must be of the form: name=value`;
      return { kind: 'invalid', message, word };
    }
    const { span } = word;
    triples.push({ text: word.text.slice(0, equals), span }, { text: word.text.slice(equals + 1), span });
    triples.push({ text: '=', span });
  }
  return { kind: 'arguments', words: triples, json: false };
}

function nameAndRest(rest: LineRange, keyword: string): Arguments {
  const text = textOfRange(rest);
  const gap = /[\t\v\f\r ]+/.exec(text);
  if (gap === null) return { kind: 'invalid', message: `${keyword} must have two arguments` };
  const name = wordAt(rest.line, rest.start, rest.start + gap.index);
  const value = wordAt(rest.line, rest.start + gap.index + gap[0].length, rest.end);
  return { kind: 'arguments', words: [name, value, { text: '', span: name.span }], json: false };
}

/** Splits at blanks outside of quotes; quotes and escapes stay for the expansion to remove. */
function shellWords(rest: LineRange, escape: Escape): Word[] {
  const { line, end } = rest;
  const words: Word[] = [];
  for (let at = rest.start; at < end;) {
    if (isSpace(line.text.charAt(at))) {
      at++;
      continue;
    }
    const word = readWord(line.text, at, { end, escape });
    if (word.textEnd > at) words.push(wordAt(line, at, word.end, line.text.slice(at, word.textEnd)));
    at = word.end;
  }
  return words;
}

/** Where a word ends; an escape that is the very last character of the line means nothing and is dropped. */
function readWord(
  text: string,
  start: number,
  options: { readonly end: number; readonly escape: Escape },
): { readonly end: number; readonly textEnd: number } {
  const { end, escape } = options;
  let quote = '';
  for (let at = start; at < end; at++) {
    const char = text.charAt(at);
    if (quote === '' && isSpace(char)) return { end: at, textEnd: at };
    if (char === escape && quote !== "'") {
      if (++at === end) return { end, textEnd: end - 1 };
    } else if (char === quote) quote = '';
    else if (quote === '' && (char === "'" || char === '"')) quote = char;
  }
  return { end, textEnd: end };
}

function wordOf(range: LineRange): Word {
  return wordAt(range.line, range.start, range.end);
}

function isEmpty(range: LineRange): boolean {
  return range.start >= range.end;
}
