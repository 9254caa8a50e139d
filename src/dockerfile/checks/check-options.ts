import { parseBoolean } from '../csv.ts';

/** What `# check=skip=RULE,RULE;error=true;experimental=all` asks for. */
export interface CheckOptions {
  readonly skip: RuleSet;
  readonly experimental: RuleSet;
  /** A finding fails the build. */
  readonly error: boolean;
}

/** Names of rules, not all of which need to exist. */
export type RuleSet = 'all' | ReadonlySet<string>;

export type CheckOptionsResult =
  | { readonly kind: 'options'; readonly options: CheckOptions }
  | { readonly kind: 'invalid'; readonly message: string };

export const noCheckOptions: CheckOptions = { skip: new Set(), experimental: new Set(), error: false };

/** Reads the value of a `check` directive: what follows the first blank is a remark. */
export function parseCheckDirective(value: string): CheckOptionsResult {
  return parseCheckOptions(value.split(' ', 1)[0] ?? '');
}

/** Reads options that were given beside the file. */
export function parseCheckOptions(text: string): CheckOptionsResult {
  const draft: { -readonly [K in keyof CheckOptions]: CheckOptions[K] } = { ...noCheckOptions };
  for (const option of text.trim() === '' ? [] : text.split(';')) {
    const equals = option.indexOf('=');
    const name = option.slice(0, Math.max(equals, 0)).trim();
    const given = option.slice(equals + 1).trim();
    if (equals < 0) return invalid(`invalid check option ${JSON.stringify(option)}`);
    if (name === 'skip' || name === 'experimental') draft[name] = ruleSet(given);
    else if (name === 'error') {
      const error = parseBoolean(given);
      if (error === undefined) return invalid(`failed to parse check option ${JSON.stringify(option)}: not a boolean`);
      draft.error = error;
    } else return invalid(`invalid check option ${JSON.stringify(name)}`);
  }
  return { kind: 'options', options: draft };
}

export function includesRule(rules: RuleSet, name: string): boolean {
  return rules === 'all' || rules.has(name);
}

const form = /^check\s*=\s*(\S.*)$/i;

/** What the comments right above an instruction ask for; `# check=` lines that make no sense are remarks. */
export function checkOptionsOf(comments: readonly string[]): readonly CheckOptions[] {
  return comments.flatMap((comment) => {
    const value = form.exec(comment)?.[1];
    const result = value === undefined ? undefined : parseCheckDirective(value);
    return result?.kind === 'options' ? [result.options] : [];
  });
}

function ruleSet(text: string): RuleSet {
  return text === 'all' ? 'all' : new Set(text.split(',').map((name) => name.trim()));
}

function invalid(message: string): CheckOptionsResult {
  return { kind: 'invalid', message: `failed to parse check options: ${message}` };
}
