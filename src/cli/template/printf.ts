import { formatValue, typeName } from './values.ts';

const directive = /%([-+ 0#]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g;
const widest = 10_000;

/** Go's Sprintf for the values that templates hold: `%s %v %d %q %t %x %X %c %f %e %g %T %%`, with width and precision. */
export function formatPrintf(format: string, args: readonly unknown[]): string {
  let used = 0;
  const text = format.replaceAll(
    directive,
    (whole, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (used >= args.length) return `%!${verb}(MISSING)`;
      const value = args[used++];
      const body = formatVerb(verb, value, precision === undefined ? undefined : Number(precision));
      if (body === undefined) return `%!${verb}(${typeName(value)}=${formatValue(value)})`;
      return padTo(
        flags.includes('+') && typeof value === 'number' && value >= 0 ? `+${body}` : body,
        flags,
        Number(width ?? 0),
      );
    },
  );
  const extra = args.slice(used).map((value) => `${typeName(value)}=${formatValue(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(', ')})`;
}

/** A text in double quotes with Go's escapes. */
export function quoteGo(value: string): string {
  return JSON.stringify(value).replaceAll(/\\u00([\da-f]{2})/g, String.raw`\x$1`);
}

function formatVerb(verb: string, value: unknown, precision: number | undefined): string | undefined {
  if (verb === 'v') return formatValue(value);
  if (verb === 'T') return typeName(value);
  if (verb === 's')
    return typeof value === 'number' || typeof value === 'boolean' ? undefined : formatValue(value).slice(0, precision);
  if (verb === 'q') return typeof value === 'string' ? quoteGo(value) : undefined;
  if (verb === 't') return typeof value === 'boolean' ? String(value) : undefined;
  if (verb === 'x' || verb === 'X') return formatHex(verb, value);
  return typeof value === 'number' ? formatNumber(verb, value, precision) : undefined;
}

function formatHex(verb: string, value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const hex = typeof value === 'string' ? Buffer.from(value).toString('hex') : value.toString(16);
  return verb === 'X' ? hex.toUpperCase() : hex;
}

function formatNumber(verb: string, value: number, precision: number | undefined): string | undefined {
  if (verb === 'd') return Number.isInteger(value) ? String(value) : undefined;
  if (verb === 'c') return String.fromCodePoint(value);
  if (verb === 'f') return value.toFixed(Math.min(precision ?? 6, 100));
  if (verb === 'e') return value.toExponential(Math.min(precision ?? 6, 100)).replace(/e([+-])(\d)$/, 'e$10$2');
  return verb === 'g' ? String(value) : undefined;
}

function padTo(body: string, flags: string, width: number): string {
  const size = Math.min(width, widest);
  if (flags.includes('-')) return body.padEnd(size);
  if (!flags.includes('0')) return body.padStart(size);
  const sign = /^[+-]/.exec(body)?.[0] ?? '';
  return sign + body.slice(sign.length).padStart(size - sign.length, '0');
}
