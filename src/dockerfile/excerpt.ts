import type { Position, Span } from './position.ts';

const maxShownColumns = 400;
const rule = '-'.repeat(20);

export interface ExcerptOptions {
  /** Of the file. */
  readonly name: string;
  /** The very place, where it is more than the lines: the heading is then `NAME:LINE:COLUMN`. */
  readonly at?: Position;
}

/**
 * The lines of `source` around `span`, those that it touches marked with `>>>`, under a heading `NAME:LINE`: one line
 * of context on each side of several lines, two around a single one. Control characters are shown, not sent, so that
 * a hostile file cannot write to the terminal; very long lines are cut.
 */
export function formatExcerpt(source: string, span: Span, options: ExcerptOptions): string {
  const lines = source.split('\n');
  const first = Math.min(span.start.line, lines.length);
  const last = Math.min(Math.max(lastLine(span), first), lines.length);
  const context = first === last ? 2 : 1;
  const shown: string[] = [];
  for (let line = Math.max(1, first - context); line <= Math.min(lines.length, last + context); line++) {
    const mark = line >= first && line <= last ? '>>>' : '   ';
    shown.push(`${String(line).padStart(4)} | ${mark} ${printable(lines[line - 1] ?? '')}`);
  }
  const { name, at } = options;
  const place = at === undefined ? String(first) : `${at.line}:${at.column}`;
  return [`${name}:${place}`, rule, ...shown, rule].join('\n');
}

/** A span that ends before the first column of a line does not touch that line. */
function lastLine(span: Span): number {
  return span.end.column === 1 && span.end.line > span.start.line ? span.end.line - 1 : span.end.line;
}

function printable(line: string): string {
  const cut = line.length > maxShownColumns ? `${line.slice(0, maxShownColumns)}…` : line;
  // oxlint-disable-next-line no-control-regex
  return cut.replace(/\r$/, '').replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, visible);
}

function visible(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
