/** A place in the source. Lines and columns count from 1; a column counts UTF-16 code units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What lies from `start` up to, but without, `end`. It may reach over several lines where an instruction does. */
export interface Span {
  readonly start: Position;
  readonly end: Position;
}

/** A piece of text as it stands in the source, nothing expanded, with its place. */
export interface Word {
  readonly text: string;
  readonly span: Span;
}

export function spanOf(startLine: number, startColumn: number, endLine: number, endColumn: number): Span {
  return { start: { line: startLine, column: startColumn }, end: { line: endLine, column: endColumn } };
}
