import { parseCheckDirective } from './checks/check-options.ts';
import { type Span, spanOf } from './position.ts';
import { trimStart } from './white-space.ts';
import type { Escape } from './lexer-state.ts';

/** What the comments at the very top of a file set. */
export interface Directives {
  /** The frontend that the author had in mind: a version hint, never fetched, never run. */
  readonly syntax?: string;
  readonly escape: Escape;
  /** The options of the build checks, as written: `skip=RULE;error=true`. */
  readonly check?: string;
}

export interface ReadDirectives {
  readonly directives: Directives;
  /** How many lines they take. */
  readonly count: number;
  readonly problems: readonly { readonly message: string; readonly span: Span }[];
}

const form = /^#\s*([a-z][a-z0-9]*)\s*=\s*(.*\S)\s*$/i;
const names = new Set(['syntax', 'escape', 'check']);

/**
 * Reads `# name=value` lines until the first line that is anything else. Names are case-insensitive and may come once
 * each. A first line `#!…` is passed over, after which `escape` has no effect any more.
 */
export function readDirectives(lines: readonly string[]): ReadDirectives {
  const hasShebang = lines[0]?.startsWith('#!') === true;
  const values = new Map<string, string>();
  const problems: { message: string; span: Span }[] = [];
  let at = hasShebang ? 1 : 0;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const match = form.exec(trimStart(line));
    const name = match?.[1]?.toLowerCase() ?? '';
    if (!names.has(name)) break;
    const span = spanOf(at + 1, 1, at + 1, line.length + 1);
    const value = match?.[2] ?? '';
    const message = values.has(name) ? `only one ${name} parser directive can be used` : problemWith(name, value);
    if (message === undefined) values.set(name, value);
    else problems.push({ message, span });
  }
  return { directives: directivesFrom(values, hasShebang), count: hasShebang ? 0 : at, problems };
}

function problemWith(name: string, value: string): string | undefined {
  if (name === 'escape' && value !== '`' && value !== '\\') {
    return `invalid escape token '${value}' does not match \` or \\`;
  }
  const check = name === 'check' ? parseCheckDirective(value) : undefined;
  return check?.kind === 'invalid' ? check.message : undefined;
}

function directivesFrom(values: ReadonlyMap<string, string>, hasShebang: boolean): Directives {
  const syntax = values.get('syntax')?.split(' ')[0];
  const check = values.get('check');
  const escape = values.get('escape') === '`' && !hasShebang ? '`' : '\\';
  return { escape, ...(syntax === undefined ? {} : { syntax }), ...(check === undefined ? {} : { check }) };
}
