import { escapeControls } from './escape-controls.ts';

const gap = 3;
const narrowest = 10;

/**
 * Rows as aligned columns, as Docker aligns them: three spaces between, no column narrower than ten. What cells have of
 * control characters is escaped: an image can say anything of itself.
 */
export function formatTable(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(escapeControls));
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? narrowest, width(cell) + gap);
    });
  }
  return rows.map((row) => `${row.map((cell, at) => padded(cell, at, { row, widths })).join('')}\n`).join('');
}

function padded(
  cell: string,
  at: number,
  { row, widths }: { row: readonly string[]; widths: readonly number[] },
): string {
  if (at === row.length - 1) return cell;
  return cell + ' '.repeat((widths[at] ?? 0) - width(cell));
}

function width(cell: string): number {
  return [...cell].length;
}
