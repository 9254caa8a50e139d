import type { Escape } from './lexer-state.ts';
import type { LinePiece, LogicalLine } from './logical-line.ts';
import { trim, trimStart } from './white-space.ts';

/** Bytes that one physical line may have, its line feed not counted. */
export const maxLineBytes = 65_535;

/** The physical lines of a file, without their line feeds, and how far they have been read. */
export interface SourceLines {
  readonly lines: readonly string[];
  /** Index of the next line. */
  next: number;
}

export interface JoinedLine {
  readonly line: LogicalLine;
  readonly startLine: number;
  /** True if a blank line was skipped on the way. */
  readonly hasEmptyContinuation: boolean;
}

export function sourceLines(text: string): SourceLines {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return { lines, next: 0 };
}

export function isTooLong(line: string): boolean {
  return line.length * 3 > maxLineBytes && Buffer.byteLength(line) > maxLineBytes;
}

export function isComment(line: string): boolean {
  return trimStart(line).startsWith('#');
}

/** What a comment says. The first character of the line is dropped, whatever it is. */
export function commentText(line: string): string {
  return trim(line.slice(1));
}

/**
 * Joins the next line with those that continue it. Leading blanks of the first are dropped, of the others kept;
 * comment lines in between vanish; blank ones are skipped and noted.
 */
export function readLogicalLine(source: SourceLines, escape: Escape): JoinedLine {
  const startLine = source.next + 1;
  const pieces: LinePiece[] = [];
  let text = '';
  let hasEmptyContinuation = false;
  for (let continues = true; continues && source.next < source.lines.length; source.next++) {
    const whole = withoutReturns(source.lines[source.next] ?? '');
    const isFirst = source.next === startLine - 1;
    if (!isFirst && isComment(whole)) continue;
    const content = isFirst ? trimStart(whole) : whole;
    if (!isFirst && trimStart(content) === '') {
      hasEmptyContinuation = true;
      continue;
    }
    const kept = withoutContinuation(content, escape);
    pieces.push({ offset: text.length, line: source.next + 1, column: whole.length - content.length + 1 });
    text += kept ?? content;
    continues = kept !== undefined;
  }
  return { line: { text, pieces }, startLine, hasEmptyContinuation };
}

/** The line without its continuation mark, or undefined where it has none. A doubled escape is not a mark. */
function withoutContinuation(line: string, escape: Escape): string | undefined {
  let end = line.length;
  while (line[end - 1] === ' ' || line[end - 1] === '\t') end--;
  if (line[end - 1] !== escape || line[end - 2] === escape) return undefined;
  return line.slice(0, end - 1);
}

export function withoutReturns(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end--;
  return line.slice(0, end);
}
