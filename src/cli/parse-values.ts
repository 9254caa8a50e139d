import { Fault } from '../errors/index.ts';

const sizeFactors: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};
const durationFactorsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** `512m`, `1.5g`, `1GiB`, `100`: bytes, in powers of 1024. Fault `invalid`. */
export function parseMemoryBytes(given: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?$/i.exec(given.trim());
  if (match === null) throw new Fault('invalid', `invalid size: '${given}'`, { hint: 'write it as 512m or 2g' });
  return Math.floor(Number(match[1]) * (sizeFactors[(match[2] ?? '').toLowerCase()] ?? 1));
}

/** A number that is not negative; with `whole` an integer. Fault `invalid` names the flag. */
export function parseNumber(
  given: string,
  flag: string,
  options: { readonly whole: boolean; readonly least?: number },
): number {
  const value = Number(given);
  const fits =
    given.trim() !== '' &&
    value >= (options.least ?? 0) &&
    (options.whole ? Number.isSafeInteger(value) : Number.isFinite(value));
  if (!fits)
    throw new Fault('invalid', `invalid argument "${given}" for "--${flag}" flag: not a number that it can be`);
  return value;
}

/** A point in time: RFC 3339, seconds since 1970, or how long ago (`10m`, `1h30m`). Fault `invalid`. */
export function parseTimeMs(given: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(given)) return Number(given) * 1000;
  const ago = parseDurationMs(given);
  if (ago !== undefined) return nowMs - ago;
  const withZone = /[zZ]|[+-]\d\d:\d\d$/.test(given) ? given : `${given}${given.includes('T') ? '' : 'T00:00:00'}Z`;
  const timeMs = Date.parse(withZone);
  if (Number.isNaN(timeMs))
    throw new Fault('invalid', `invalid time: '${given}'`, { hint: 'write it as 2013-01-02T13:23:37Z or 42m' });
  return timeMs;
}

/** `NAME=VALUE` pairs; without `=` the value is empty. */
export function parseLabels(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    given.map((label) => {
      const equals = label.indexOf('=');
      if (equals === 0 || label === '') throw new Fault('invalid', `invalid label '${label}': empty name`);
      return equals < 0 ? [label, ''] : [label.slice(0, equals), label.slice(equals + 1)];
    }),
  );
}

function parseDurationMs(given: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(given)) return undefined;
  const parts = given.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (durationFactorsMs[unit ?? ''] ?? 0), 0);
}
