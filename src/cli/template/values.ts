/** A value as a template shows it: as `%v` does, but for what is not there. */
export function formatResult(value: unknown): string {
  if (value === null || value === undefined) return '<no value>';
  return formatValue(value);
}

/** A value as Go prints it with `%v`: lists as `[a b]`, objects as `map[k:v]` in the order of their keys. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(formatValue).join(' ')}]`;
  if (!isRecord(value)) return String(value);
  const entries = sortedEntries(value).map(([key, item]) => `${key}:${formatValue(item)}`);
  return `map[${entries.join(' ')}]`;
}

/** What Go calls the type of a value that came from JSON. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  return typeof value === 'string' ? 'string' : 'map[string]interface {}';
}

/** Whether `if`, `and`, `or` take it for true: not empty, not zero, not false. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of an object that are data, in the order of their names. */
export function sortedEntries(record: Readonly<Record<string, unknown>>): [string, unknown][] {
  const data = Object.entries(record).filter(([, value]) => typeof value !== 'function');
  return data.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
}
