import { type WildcardProgram, type WildcardStep, matchEnd, oneOf } from './wildcard.ts';

/** One line of an ignore file, ready to be matched. */
export interface IgnorePattern {
  /** The line as written, without the blanks around it. */
  readonly text: string;
  /** Counts from 1. */
  readonly line: number;
  /** Written with `!`: what it matches is not ignored. */
  readonly negated: boolean;
  /** The pattern itself: without `!`, slashes around it, and `.` and `..` in it. */
  readonly pattern: string;
  readonly test: PathTest;
}

/**
 * How a path is tested: most patterns come down to comparing strings. A wildcard is a regular expression as long as
 * that cannot take more than quadratic time, and a program beyond.
 */
export type PathTest =
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'suffix'; readonly suffix: string }
  | { readonly kind: 'expression'; readonly expression: RegExp }
  | { readonly kind: 'program'; readonly program: WildcardProgram };

/** A step, and the regular expression that means the same. */
interface Token {
  readonly steps: readonly WildcardStep[];
  readonly source: string;
  readonly isLiteral: boolean;
}

const maxRepeatsInExpression = 2;
const slash = 0x2f;
const notSlash = (codePoint: number): boolean => codePoint !== slash;
const notNewline = (codePoint: number): boolean => codePoint !== 0x0a;

const oneChar: Token = token('[^/]', [{ kind: 'accept', repeat: false, accepts: notSlash }]);
const someChars: Token = token('[^/]*', [{ kind: 'accept', repeat: true, accepts: notSlash }]);
const anything: Token = token('.*', [{ kind: 'accept', repeat: true, accepts: notNewline }]);
const anyFolders: Token = token('(?:.*/)?', [{ kind: 'optional', count: 2 }, ...anything.steps, oneOf(slash)]);

/** Reads a pattern that may begin with `!`; undefined where its brackets or escapes make no sense. */
export function compileIgnorePattern(
  content: string,
  origin: { readonly line: number; readonly text: string },
): IgnorePattern | undefined {
  const negated = content.startsWith('!');
  const pattern = negated ? content.slice(1) : content;
  const test = compileTest(pattern);
  return test && { ...origin, negated, pattern, test };
}

/** True if the pattern itself matches this path; its folders are not looked at. */
export function testPath(test: PathTest, path: string): boolean {
  switch (test.kind) {
    case 'exact':
      return path === test.path;
    case 'prefix':
      return path.startsWith(test.prefix);
    case 'suffix':
      return path.endsWith(test.suffix) || (test.suffix.startsWith('/') && path === test.suffix.slice(1));
    case 'expression':
      return test.expression.test(path);
    case 'program': {
      const text = Array.from(path, (char) => char.codePointAt(0) ?? 0);
      const budget = { left: Number.MAX_SAFE_INTEGER };
      return matchEnd(test.program, text, { from: 0, longest: true, budget }) === text.length;
    }
  }
}

function compileTest(pattern: string): PathTest | undefined {
  const tokens = tokensOf(pattern);
  if (tokens === undefined) return undefined;
  if (tokens.every((each) => each.isLiteral)) return { kind: 'exact', path: pattern };
  const [first, last] = [tokens[0], tokens.at(-1)];
  // A leading `**` also matches in the middle of a name when no slash follows it: `**file` matches `myfile`.
  if (pattern.startsWith('**') && tokens.slice(1).every((each) => each.isLiteral)) {
    return { kind: 'suffix', suffix: pattern.slice(2) };
  }
  if (last === anything && first !== anything && tokens.slice(0, -1).every((each) => each.isLiteral)) {
    return { kind: 'prefix', prefix: pattern.slice(0, pattern.lastIndexOf('**')) };
  }
  const program = tokens.flatMap((each) => each.steps);
  const repeats = program.filter((step) => step.kind === 'accept' && step.repeat).length;
  if (repeats > maxRepeatsInExpression) return { kind: 'program', program };
  const source = tokens.map((each) => each.source).join('');
  return { kind: 'expression', expression: new RegExp(`^${source}$`, 'u') };
}

function tokensOf(pattern: string): readonly Token[] | undefined {
  const chars = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length;) {
    const read = readToken(chars, at);
    if (read === undefined) return undefined;
    tokens.push(read.token);
    at = read.next;
  }
  return tokens;
}

interface ReadToken {
  readonly token: Token;
  readonly next: number;
}

function readToken(chars: readonly string[], at: number): ReadToken | undefined {
  const char = chars[at] ?? '';
  if (char === '*' && chars[at + 1] === '*') {
    const next = chars[at + 2] === '/' ? at + 3 : at + 2;
    return { token: next >= chars.length ? anything : anyFolders, next };
  }
  if (char === '*') return { token: someChars, next: at + 1 };
  if (char === '?') return { token: oneChar, next: at + 1 };
  if (char === '[') return readClass(chars, at + 1);
  if (char !== '\\') return { token: literal(char), next: at + 1 };
  const escaped = chars[at + 1];
  // An escape makes a pattern of what is left of it, so that the escape itself is not compared.
  return escaped === undefined ? undefined : { token: { ...literal(escaped), isLiteral: false }, next: at + 2 };
}

/** `[a-z]`, `[^a-z]`; `\` takes the meaning from the next character; a bare `-` or an empty class is refused. */
function readClass(chars: readonly string[], start: number): ReadToken | undefined {
  const isNegated = chars[start] === '^';
  const ranges: (readonly [number, number])[] = [];
  let at = isNegated ? start + 1 : start;
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = readClassChar(chars, at);
    if (low === undefined) return undefined;
    const high = chars[low.next] === '-' ? readClassChar(chars, low.next + 1) : low;
    if (high === undefined) return undefined;
    ranges.push([low.codePoint, high.codePoint]);
    at = high.next;
  }
  const accepts = (codePoint: number): boolean =>
    ranges.some(([low, high]) => low <= codePoint && codePoint <= high) !== isNegated;
  const parts = ranges.filter(([low, high]) => low <= high).map(([low, high]) => `${unicode(low)}-${unicode(high)}`);
  const source = `[${isNegated ? '^' : ''}${parts.join('')}]`;
  return { token: token(source, [{ kind: 'accept', repeat: false, accepts }]), next: at + 1 };
}

function readClassChar(
  chars: readonly string[],
  at: number,
): { readonly codePoint: number; readonly next: number } | undefined {
  const char = chars[at];
  if (char === undefined || char === '-' || char === ']') return undefined;
  const taken = char === '\\' ? chars[at + 1] : char;
  const codePoint = taken?.codePointAt(0);
  return codePoint === undefined ? undefined : { codePoint, next: char === '\\' ? at + 2 : at + 1 };
}

function literal(char: string): Token {
  const codePoint = char.codePointAt(0) ?? 0;
  return { steps: [oneOf(codePoint)], source: unicode(codePoint), isLiteral: true };
}

function token(source: string, steps: readonly WildcardStep[]): Token {
  return { source, steps, isLiteral: false };
}

function unicode(codePoint: number): string {
  return `\\u{${codePoint.toString(16)}}`;
}
