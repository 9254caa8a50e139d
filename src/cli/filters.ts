import { Fault } from '../errors/index.ts';

/** What `--filter NAME=VALUE` asks for: any of the values of a name, and all of the names. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** Fault `invalid` for what has no `=`, and for a name that is not `known`. */
export function parseFilters(given: readonly string[], known: readonly string[]): Filters {
  const filters = new Map<string, string[]>();
  for (const filter of given) {
    const equals = filter.indexOf('=');
    if (equals < 0) throw new Fault('invalid', `invalid filter '${filter}'`, { hint: 'write it as NAME=VALUE' });
    const name = filter.slice(0, equals).trim().toLowerCase();
    if (!known.includes(name))
      throw new Fault('invalid', `invalid filter '${name}'`, { hint: `there are ${known.join(', ')}` });
    filters.set(name, [...(filters.get(name) ?? []), filter.slice(equals + 1).trim()]);
  }
  return filters;
}

/** True where nothing is asked for, or one of the values fits. */
export function matchesAny(wanted: readonly string[] | undefined, fits: (value: string) => boolean): boolean {
  return wanted === undefined || wanted.some(fits);
}

/** `label=KEY` or `label=KEY=VALUE`: all that are asked for must be there. */
export function matchesLabels(wanted: readonly string[] | undefined, labels: ReadonlyMap<string, string>): boolean {
  return (wanted ?? []).every((filter) => {
    const [key, value] = splitOnce(filter, '=');
    return value === undefined ? labels.has(key) : labels.get(key) === value;
  });
}

/** A pattern with `*`, `?` and `[…]`, none of which matches a `/`. */
export function globPattern(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[\\^$.|+(){}]/g, String.raw`\$&`)
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw new Fault('invalid', `invalid pattern '${pattern}'`);
  }
}

/** The text before and after the first `separator`; undefined after where there is none. */
export function splitOnce(value: string, separator: string): readonly [string, string | undefined] {
  const at = value.indexOf(separator);
  return at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + separator.length)];
}
