import { escapeJsonControls } from './escape-controls.ts';
import { formatTable } from './table.ts';
import { compileTemplate } from './template/go-template.ts';
import { text } from './flags.ts';

/** One row of a list: what templates and `--format json` see. A function is a method, and not in the JSON. */
export type ListRow = Readonly<Record<string, unknown>>;

/** How a list looks where nobody asks for something else. */
export interface ListShape {
  /** Heading of every field that a template may name. */
  readonly headings: Readonly<Record<string, string>>;
  /** The fields of the table. */
  readonly columns: readonly string[];
}

export const listFormatFlag = text("Format output: 'table', 'table TEMPLATE', 'json' or a Go template");

/**
 * A list as `--format` asks for it: a table (also where nothing is asked for), a table of one's own
 * (`table {{.ID}}\t{{.Names}}`), an object a line, or a template a line. Fault `invalid` for a field that is not there.
 */
export function formatList(rows: readonly ListRow[], shape: ListShape, format: string | undefined): string {
  const source = (format ?? '').trim();
  if (source === '' || source === 'table') return formatColumns(rows, shape);
  if (source === 'json') return rows.map((row) => `${escapeJsonControls(JSON.stringify(sorted(row)))}\n`).join('');
  const isTable = /^table\s/.test(source);
  const template = compileTemplate(unescape(isTable ? source.slice('table'.length).trim() : source));
  const lines = rows.map((row) => template.render(sorted(row)));
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  return formatTable([template.render(headingRow(shape)), ...lines].map((line) => line.split('\t')));
}

function formatColumns(rows: readonly ListRow[], { headings, columns }: ListShape): string {
  const head = columns.map((column) => headings[column] ?? '');
  return formatTable([head, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))]);
}

function headingRow({ headings }: ListShape): ListRow {
  return { ...headings, Label: (name: unknown) => String(name) };
}

function sorted(row: ListRow): ListRow {
  return Object.fromEntries(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** People write `\t` and `\n` in single quotes. */
function unescape(template: string): string {
  return template.replaceAll(String.raw`\t`, '\t').replaceAll(String.raw`\n`, '\n');
}
