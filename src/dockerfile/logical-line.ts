import { type Span, type Word, spanOf } from './position.ts';
import { trimEnd, trimStart } from './white-space.ts';

/** An instruction's line with its continuations joined; every offset in it leads back to the source. */
export interface LogicalLine {
  readonly text: string;
  readonly pieces: readonly LinePiece[];
}

/** From `offset` on, the text comes from `line`, beginning at `column`. */
export interface LinePiece {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** A part of a logical line, without the blanks around it. */
export interface LineRange {
  readonly line: LogicalLine;
  readonly start: number;
  readonly end: number;
}

export function rangeOf(line: LogicalLine, start: number, end: number): LineRange {
  const text = line.text.slice(start, end);
  const from = start + text.length - trimStart(text).length;
  return { line, start: from, end: Math.max(from, start + trimEnd(text).length) };
}

export function textOfRange(range: LineRange): string {
  return range.line.text.slice(range.start, range.end);
}

/** The word between two offsets; `text` where it does not read as the source does. */
export function wordAt(line: LogicalLine, start: number, end: number, text = line.text.slice(start, end)): Word {
  return { text, span: spanAt(line, start, end) };
}

export function spanAt(line: LogicalLine, start: number, end: number): Span {
  const first = pieceAt(line.pieces, start);
  const last = pieceAt(line.pieces, Math.max(start, end - 1));
  return spanOf(first.line, first.column + start - first.offset, last.line, last.column + end - last.offset);
}

function pieceAt(pieces: readonly LinePiece[], offset: number): LinePiece {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.offset ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return pieces[low] ?? { offset: 0, line: 1, column: 1 };
}
