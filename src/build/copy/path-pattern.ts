/** True if the name of a source is a pattern: it has `*`, `?` or `[` that no backslash takes the meaning from. */
export function hasWildcard(text: string): boolean {
  return /(^|[^\\])(\\\\)*[*?[]/.test(text);
}

/**
 * One name of a pattern as Go's `filepath.Match` reads it: `*` for any characters, `?` for one, `[a-c]` and `[^a-c]`,
 * `\` before a character that means itself. Undefined where it cannot be read.
 */
export function compileNamePattern(pattern: string): RegExp | undefined {
  let source = '';
  const chars = Array.from(pattern);
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '*') source += source.endsWith('.*') ? '' : '.*';
    else if (char === '?') source += '.';
    else if (char === '[') {
      const found = readClass(chars, at + 1);
      if (found === undefined) return undefined;
      source += found.source;
      at = found.end;
    } else if (char !== '\\') source += literal(char);
    else if ((at += 1) < chars.length) source += literal(chars[at] ?? '');
    else return undefined;
  }
  return new RegExp(`^${source}$`, 'su');
}

/** Without the backslashes that take a meaning away. */
export function unescapeName(pattern: string): string {
  return pattern.replaceAll(/\\(.)/gsu, '$1');
}

interface ReadClass {
  readonly source: string;
  /** Where its `]` stands. */
  readonly end: number;
}

function readClass(chars: readonly string[], start: number): ReadClass | undefined {
  const isNegated = chars[start] === '^';
  const ranges: string[] = [];
  let at = isNegated ? start + 1 : start;
  for (let count = 0; chars[at] !== ']' || count === 0; count += 1) {
    const low = readClassChar(chars, at);
    if (low === undefined) return undefined;
    const high = chars[low.next] === '-' ? readClassChar(chars, low.next + 1) : low;
    if (high === undefined) return undefined;
    if (low.char <= high.char) ranges.push(`${literal(low.char)}-${literal(high.char)}`);
    at = high.next;
  }
  return { source: `[${isNegated ? '^' : ''}${ranges.join('')}]`, end: at };
}

function readClassChar(
  chars: readonly string[],
  at: number,
): { readonly char: string; readonly next: number } | undefined {
  const char = chars[at];
  if (char === undefined || char === '-' || char === ']') return undefined;
  if (char !== '\\') return { char, next: at + 1 };
  const escaped = chars[at + 1];
  return escaped === undefined ? undefined : { char: escaped, next: at + 2 };
}

function literal(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
