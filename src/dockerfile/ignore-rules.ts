import { type IgnorePattern, compileIgnorePattern } from './ignore-pattern.ts';
import type { Diagnostic } from './diagnostic.ts';
import { createFindings } from './findings.ts';
import { spanOf } from './position.ts';
import { isTooLong, sourceLines, withoutReturns } from './source-lines.ts';
import { trim } from './white-space.ts';

/** The rules of an ignore file, in its order; a later one overrules an earlier one. */
export interface IgnoreRules {
  readonly patterns: readonly IgnorePattern[];
  /** A pattern that cannot be read is an error, and is left out of `patterns`. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Larger ignore files are refused unread; longer patterns are refused. */
const maxFileChars = 16 << 20;
const maxPatternChars = 4096;
const maxPatterns = 10_000;
/** Matching takes as many times the length of a path. */
const maxWildcards = 16;

/**
 * Reads an ignore file: one pattern a line, `!` before one that takes back, `#` in the first column for a comment.
 * Blanks around a pattern, and slashes before and behind it, mean nothing.
 */
export function parseIgnore(input: Uint8Array | string): IgnoreRules {
  const text = (typeof input === 'string' ? input : new TextDecoder().decode(input)).replace(/^\ufeff/, '');
  const findings = createFindings();
  const patterns: IgnorePattern[] = [];
  const lines = text.length > maxFileChars ? [] : sourceLines(text).lines;
  if (text.length > maxFileChars) refuse(1, `the file has more than ${maxFileChars} characters`);
  for (const [index, line] of lines.entries()) {
    if (findings.isFull()) break;
    const content = patternText(line);
    if (content === undefined) continue;
    if (isTooLong(line) || content.length > maxPatternChars) {
      refuse(index + 1, `a pattern may have ${maxPatternChars} characters`);
    } else if ((content.match(/\*+/g)?.length ?? 0) > maxWildcards) {
      refuse(index + 1, `a pattern may have ${maxWildcards} times *`);
    } else if (content === '!') refuse(index + 1, 'illegal exclusion pattern: "!"');
    else if (patterns.length === maxPatterns) {
      refuse(index + 1, `an ignore file may have ${maxPatterns} patterns`);
      break;
    } else {
      const pattern = compileIgnorePattern(content, { line: index + 1, text: trim(line) });
      if (pattern === undefined) refuse(index + 1, `syntax error in pattern: ${content}`);
      else patterns.push(pattern);
    }
  }
  return { patterns, diagnostics: findings.sorted() };

  function refuse(line: number, message: string): void {
    const span = spanOf(line, 1, line, withoutReturns(lines[line - 1] ?? '').length + 1);
    findings.report({ rule: 'ignore', message, span, instruction: span });
  }
}

/** The pattern of a line in its shortest form, with its `!`; undefined where the line has none. */
function patternText(line: string): string | undefined {
  if (line.startsWith('#')) return undefined;
  const content = trim(line);
  if (content === '') return undefined;
  const isNegated = content.startsWith('!');
  const path = isNegated ? trim(content.slice(1)) : content;
  if (path === '') return '!';
  return (isNegated ? '!' : '') + cleanPath(path).replace(/^\/(?=.)/, '');
}

/** Without empty and `.` elements, and with every `NAME/..` taken out. */
export function cleanPath(path: string): string {
  const isRooted = path.startsWith('/');
  const kept: string[] = [];
  for (const element of path.split('/')) {
    if (element === '' || element === '.') continue;
    if (element !== '..') kept.push(element);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!isRooted) kept.push('..');
  }
  const joined = kept.join('/');
  return isRooted ? `/${joined}` : joined || '.';
}
