import { type WildcardProgram, type WildcardStep, type WorkBudget, matchEnd, oneOf } from './wildcard.ts';

/**
 * The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`: `*` and `?`, neither of which
 * crosses a line end, `\` before `*`, `?` and `\`; no brackets.
 */
export type ShellPattern =
  | { readonly kind: 'pattern'; readonly program: WildcardProgram }
  | { readonly kind: 'invalid'; readonly message: string };

/** Steps that one match, and characters that one replacement, may cost; real patterns stay under a million. A match that wants more is given up. */
const maxWork = 1 << 23;
const newline = 0x0a;
const notNewline = (codePoint: number): boolean => codePoint !== newline;

export function parseShellPattern(text: string): ShellPattern {
  const chars = Array.from(text);
  const program: WildcardStep[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? '';
    if (char === '*' || char === '?') {
      program.push({ kind: 'accept', repeat: char === '*', accepts: notNewline });
      continue;
    }
    if (char !== '\\') {
      program.push(oneOf(char.codePointAt(0) ?? 0));
      continue;
    }
    const escaped = chars[at + 1] ?? '';
    // The escape that kept `}` or `/` from ending the pattern is not a part of it.
    if (escaped === '}' || escaped === '/') continue;
    if (!['*', '?', '\\'].includes(escaped)) return { kind: 'invalid', message: `invalid escape '\\${escaped}'` };
    program.push(oneOf(escaped.charCodeAt(0)));
    at++;
  }
  return { kind: 'pattern', program };
}

/** `value` without the shortest or longest beginning that matches; undefined where that takes too much work. */
export function trimPrefix(program: WildcardProgram, value: string, longest: boolean): string | undefined {
  const text = codePoints(value);
  const budget = { left: maxWork };
  const end = matchEnd(program, text, { from: 0, longest, budget });
  if (budget.left < 0) return undefined;
  return end < 0 ? value : fromCodePoints(text.slice(end));
}

/** `value` without the shortest or longest end that matches; undefined where that takes too much work. */
export function trimSuffix(program: WildcardProgram, value: string, longest: boolean): string | undefined {
  const text = codePoints(value).toReversed();
  const budget = { left: maxWork };
  const end = matchEnd(program.toReversed(), text, { from: 0, longest, budget });
  if (budget.left < 0) return undefined;
  return end < 0 ? value : fromCodePoints(text.slice(end).toReversed());
}

/**
 * `value` with the first match, the leftmost and then the longest, replaced by `replacement` as it stands; undefined
 * where that takes too much work.
 */
export function replaceFirst(program: WildcardProgram, value: string, replacement: string): string | undefined {
  const text = codePoints(value);
  const budget = { left: maxWork };
  const match = findFrom(program, text, { from: 0, budget });
  if (budget.left < 0) return undefined;
  if (match === undefined) return value;
  return fromCodePoints(text.slice(0, match.start)) + replacement + fromCodePoints(text.slice(match.end));
}

/**
 * `value` with every match replaced. In `template` `$0` and `${0}` stand for the match, `$$` for a dollar, and any
 * other `$name` for nothing, which is what Go's regular expressions, and so BuildKit, make of it. Undefined where that
 * takes too much work.
 */
export function replaceAll(program: WildcardProgram, value: string, template: string): string | undefined {
  const text = codePoints(value);
  const budget = { left: maxWork };
  let result = '';
  let copied = 0;
  for (let from = 0; from <= text.length;) {
    const match = findFrom(program, text, { from, budget });
    if (match === undefined) break;
    result += fromCodePoints(text.slice(copied, match.start));
    const isEmptyAfterMatch = match.end <= copied && match.start > 0;
    if (!isEmptyAfterMatch) {
      const replacement = fillTemplate(template, fromCodePoints(text.slice(match.start, match.end)));
      budget.left -= replacement.length;
      result += replacement;
    }
    copied = match.end;
    from = Math.max(match.end, from + 1);
  }
  return budget.left < 0 ? undefined : result + fromCodePoints(text.slice(copied));
}

function findFrom(
  program: WildcardProgram,
  text: readonly number[],
  options: { readonly from: number; readonly budget: WorkBudget },
): { readonly start: number; readonly end: number } | undefined {
  const { budget } = options;
  for (let start = options.from; start <= text.length && budget.left >= 0; start++) {
    const end = matchEnd(program, text, { from: start, longest: true, budget });
    if (end >= 0) return { start, end };
  }
  return undefined;
}

function fillTemplate(template: string, match: string): string {
  return template.replaceAll(/\$(?:(\$)|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu, (_, dollar, braced, bare) => {
    if (dollar !== undefined) return '$';
    return (braced ?? bare) === '0' ? match : '';
  });
}

function codePoints(text: string): number[] {
  return Array.from(text, (char) => char.codePointAt(0) ?? 0);
}

function fromCodePoints(points: readonly number[]): string {
  let text = '';
  for (const point of points) text += String.fromCodePoint(point);
  return text;
}
