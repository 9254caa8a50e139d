/** A length of time as Go writes it: `1h30m`, `1.5s`, `-2us`. */
export type Duration =
  | { readonly kind: 'duration'; readonly ns: number }
  | { readonly kind: 'invalid'; readonly message: string };

const unitsNs: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['µs', 1e3],
  ['μs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
]);
const part = /(\d+\.?\d*|\.\d+)([^\d.]*)/y;
const maxNs = 2 ** 63;

export function parseDuration(text: string): Duration {
  const shown = JSON.stringify(text);
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return { kind: 'duration', ns: 0 };
  if (body === '') return invalid(`invalid duration ${shown}`);
  let ns = 0;
  for (let at = 0; at < body.length; at = part.lastIndex) {
    part.lastIndex = at;
    const [, number = '', unit = ''] = part.exec(body) ?? [];
    if (number === '') return invalid(`invalid duration ${shown}`);
    if (unit === '') return invalid(`missing unit in duration ${shown}`);
    const unitNs = unitsNs.get(unit);
    if (unitNs === undefined) return invalid(`unknown unit ${JSON.stringify(unit)} in duration ${shown}`);
    ns += Number(number) * unitNs;
  }
  if (ns >= maxNs) return invalid(`invalid duration ${shown}`);
  return { kind: 'duration', ns: sign * Math.trunc(ns) };
}

function invalid(reason: string): Duration {
  return { kind: 'invalid', message: `time: ${reason}` };
}
