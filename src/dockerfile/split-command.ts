import { type LineRange, type LogicalLine, rangeOf, wordAt } from './logical-line.ts';
import type { Word } from './position.ts';
import { isSpace } from './white-space.ts';

/** An instruction taken apart: its name, the flags before its arguments, and the rest. */
export interface SplitCommand {
  readonly keyword: Word;
  readonly flags: readonly Word[];
  readonly rest: LineRange;
}

const separator = /[\t\v\f\r ]+/g;

export function splitCommand(range: LineRange): SplitCommand {
  const { line, start, end } = range;
  separator.lastIndex = start;
  const gap = separator.exec(line.text);
  const nameEnd = gap === null || gap.index >= end ? end : gap.index;
  const keyword = wordAt(line, start, nameEnd);
  if (gap === null || nameEnd === end) return { keyword, flags: [], rest: { line, start: end, end } };
  const { flags, at } = readFlags(line, gap.index + gap[0].length, end);
  return { keyword, flags, rest: rangeOf(line, at, end) };
}

/** Reads `--name=value` words; a lone `--` ends them and is dropped. */
function readFlags(line: LogicalLine, start: number, end: number): { readonly flags: Word[]; readonly at: number } {
  const flags: Word[] = [];
  for (let at = start; ;) {
    while (at < end && isSpace(line.text.charAt(at))) at++;
    if (!line.text.startsWith('--', at) || at + 2 > end) return { flags, at };
    const flag = readFlag(line.text, at, end);
    if (flag.text === '--') return { flags, at: flag.end };
    flags.push(wordAt(line, at, flag.end, flag.text));
    at = flag.end;
  }
}

/** One word without its quotes and escapes; here the escape is always a backslash. */
function readFlag(text: string, start: number, end: number): { readonly text: string; readonly end: number } {
  let word = '';
  let quote = '';
  let at = start;
  for (; at < end; at++) {
    const char = text.charAt(at);
    if (quote === '' && isSpace(char)) break;
    if (char === '\\') word += at + 1 < end ? text.charAt(++at) : '';
    else if (char === quote) quote = '';
    else if (quote === '' && (char === "'" || char === '"')) quote = char;
    else word += char;
  }
  return { text: word, end: at };
}
