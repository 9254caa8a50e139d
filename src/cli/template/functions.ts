import { formatPrintf } from './printf.ts';
import { formatValue, isRecord, isTruthy, typeName } from './values.ts';

export interface TemplateFunction {
  /** How many arguments it takes: at least, at most. */
  readonly arity: readonly [number, number];
  /** Throws an Error whose message says what is wrong with the arguments. */
  readonly apply: (...args: readonly unknown[]) => unknown;
}

const any = Number.POSITIVE_INFINITY;

/** The functions of Go's `text/template`, and those that Docker adds. `and` and `or` are evaluated lazily elsewhere. */
export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['and', { arity: [1, any], apply: (...args) => args.find((each) => !isTruthy(each)) ?? args.at(-1) }],
  ['or', { arity: [1, any], apply: (...args) => args.find(isTruthy) ?? args.at(-1) }],
  ['not', { arity: [1, 1], apply: (value) => !isTruthy(value) }],
  ['len', { arity: [1, 1], apply: lengthOf }],
  ['index', { arity: [1, any], apply: (value, ...keys) => keys.reduce(elementOf, value) }],
  ['slice', { arity: [1, 4], apply: sliceOf }],
  ['print', { arity: [0, any], apply: print }],
  ['printf', { arity: [1, any], apply: (format, ...args) => formatPrintf(asText(format), args) }],
  ['println', { arity: [0, any], apply: (...args) => `${args.map(formatValue).join(' ')}\n` }],
  ['html', { arity: [0, any], apply: (...args) => escapeHtml(print(...args)) }],
  ['urlquery', { arity: [0, any], apply: (...args) => encodeURIComponent(print(...args)).replaceAll('%20', '+') }],
  ['eq', { arity: [2, any], apply: (first, ...others) => others.some((other) => compare(first, other) === 0) }],
  ['ne', { arity: [2, 2], apply: (a, b) => compare(a, b) !== 0 }],
  ['lt', { arity: [2, 2], apply: (a, b) => compare(a, b) < 0 }],
  ['le', { arity: [2, 2], apply: (a, b) => compare(a, b) <= 0 }],
  ['gt', { arity: [2, 2], apply: (a, b) => compare(a, b) > 0 }],
  ['ge', { arity: [2, 2], apply: (a, b) => compare(a, b) >= 0 }],
  ['json', { arity: [1, 1], apply: (value) => JSON.stringify(value ?? null) }],
  ['split', { arity: [2, 2], apply: (value, separator) => asText(value).split(asText(separator)) }],
  ['join', { arity: [2, 2], apply: (value, separator) => asArray(value).map(formatValue).join(asText(separator)) }],
  ['title', { arity: [1, 1], apply: (value) => asText(value).replaceAll(/\b[a-z]/g, (each) => each.toUpperCase()) }],
  ['lower', { arity: [1, 1], apply: (value) => asText(value).toLowerCase() }],
  ['upper', { arity: [1, 1], apply: (value) => asText(value).toUpperCase() }],
  ['pad', { arity: [3, 3], apply: pad }],
  ['truncate', { arity: [2, 2], apply: (value, length) => asText(value).slice(0, asNumber(length)) }],
]);

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isRecord(value)) return Object.keys(value).length;
  throw new Error(`len of type ${typeName(value)}`);
}

function elementOf(value: unknown, key: unknown): unknown {
  if (value === null || value === undefined) throw new Error('index of untyped nil');
  if (isRecord(value)) return Object.hasOwn(value, asText(key)) ? value[asText(key)] : undefined;
  if (!Array.isArray(value) && typeof value !== 'string')
    throw new Error(`can't index item of type ${typeName(value)}`);
  const at = asNumber(key);
  if (at < 0 || at >= value.length) throw new Error(`index out of range: ${at}`);
  return typeof value === 'string' ? Buffer.from(value)[at] : value[at];
}

function sliceOf(value: unknown, from: unknown = 0, to: unknown = lengthOf(value)): unknown {
  if (typeof value !== 'string' && !Array.isArray(value))
    throw new Error(`can't slice item of type ${typeName(value)}`);
  const [start, end] = [asNumber(from), asNumber(to)];
  if (start < 0 || end > value.length) throw new Error(`index out of range: ${start < 0 ? start : end}`);
  if (start > end) throw new Error(`invalid slice index: ${start} > ${end}`);
  return value.slice(start, end);
}

/** As Go's Sprint: a space between operands when neither is a text. */
function print(...args: readonly unknown[]): string {
  return args.reduce<string>((text, value, at) => {
    const apart = at > 0 && typeof value !== 'string' && typeof args[at - 1] !== 'string';
    return `${text}${apart ? ' ' : ''}${formatValue(value)}`;
  }, '');
}

function pad(value: unknown, before: unknown, after: unknown): string {
  const inner = asText(value);
  return inner === '' ? inner : ' '.repeat(asNumber(before)) + inner + ' '.repeat(asNumber(after));
}

function compare(a: unknown, b: unknown): number {
  if ((a ?? null) === (b ?? null)) return 0;
  if (a === null || a === undefined || b === null || b === undefined) return 1;
  if (typeof a !== typeof b || typeof a === 'object') {
    throw new Error(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
  }
  return a < b ? -1 : 1;
}

function escapeHtml(value: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  };
  return value.replaceAll(/[&<>"']/g, (each) => entities[each] ?? each);
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Error(`wrong type for value; expected string; got ${typeName(value)}`);
}

function asNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new Error(`wrong type for value; expected int; got ${typeName(value)}`);
}

function asArray(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === null || value === undefined) return [];
  throw new Error(`wrong type for value; expected []string; got ${typeName(value)}`);
}
