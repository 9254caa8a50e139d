import { type ByteString, toBuffer } from '../std/index.ts';
import { type IgnorePattern, compileIgnorePattern, testPath } from './ignore-pattern.ts';
import type { IgnoreRules } from './ignore-rules.ts';

/** Whether a path is left out of the build context, and the line that decided it; none did where no rule matched. */
export interface IgnoreVerdict {
  readonly ignored: boolean;
  readonly pattern?: IgnorePattern;
}

/** A directory as its entries see it: which rules they inherit. */
export interface IgnoreScope {
  readonly verdict: IgnoreVerdict;
  /** Relative to the context, without slashes around it; empty for the context itself. */
  readonly path: ByteString;
  /** One for each rule: 1 where it matched the directory or one above. */
  readonly inherited: Uint8Array;
}

/**
 * Decides for the paths of a context, by the rules of its ignore file.
 *
 * The last rule that matches decides. A rule matches a path if it matches the path itself or a directory above; so
 * everything below an ignored directory is ignored until a later `!` rule takes it back. A walker goes down with
 * `enter` and asks `test` for each entry, which does no work twice; it must go down into an ignored directory while
 * `mayContain` says so, and then keep that directory only if it found something to keep.
 *
 * Paths are relative to the context, bytes as the filesystem has them; a byte that is not UTF-8 is matched by `*`, `?`
 * and negated classes only.
 */
export interface IgnoreMatcher {
  /** True if there are no rules, so that nothing is ignored. */
  readonly isEmpty: boolean;
  /** Decides for one path, with the directories above it. */
  match(path: ByteString): IgnoreVerdict;
  /** The context's own directory, which is never ignored. */
  root(): IgnoreScope;
  /** Decides for an entry of `parent`; `path` is the whole path. */
  test(path: ByteString, parent: IgnoreScope): IgnoreVerdict;
  /** As `test`, for a directory whose entries are to be asked about. */
  enter(path: ByteString, parent: IgnoreScope): IgnoreScope;
  /** True unless it is certain that everything below this directory is ignored. */
  mayContain(scope: IgnoreScope): boolean;
}

export function createIgnoreMatcher(rules: Pick<IgnoreRules, 'patterns'>): IgnoreMatcher {
  const { patterns } = rules;
  const root: IgnoreScope = { path: '' as ByteString, inherited: new Uint8Array(patterns.length), verdict: kept };
  const negated = patterns.filter((each) => each.negated).map(leadOf);
  const matcher: IgnoreMatcher = {
    isEmpty: patterns.length === 0,
    root: () => root,
    test: (path, parent) => decide(patterns, matchableText(path), { parent }),
    enter: (path, parent) => {
      const inherited = Uint8Array.from(parent.inherited);
      return { path, inherited, verdict: decide(patterns, matchableText(path), { parent, record: inherited }) };
    },
    match: (path) => {
      const elements = path.split('/').filter((each) => each !== '' && each !== '.') as ByteString[];
      const folders = elements.slice(0, -1);
      let scope = root;
      for (const name of folders) scope = matcher.enter(joinPath(scope.path, name), scope);
      const last = elements.at(-1);
      return last === undefined ? matchWhole(patterns, path) : matcher.test(joinPath(scope.path, last), scope);
    },
    mayContain: (scope) => !scope.verdict.ignored || negated.some((lead) => mayMatchBelow(lead, scope.path)),
  };
  return matcher;
}

const kept: IgnoreVerdict = { ignored: false };

/** `/` is ignored by `**`, and by nothing else; `.` never is. */
function matchWhole(patterns: readonly IgnorePattern[], path: ByteString): IgnoreVerdict {
  const scope = { path: '' as ByteString, inherited: new Uint8Array(patterns.length), verdict: kept };
  return path.startsWith('/') ? decide(patterns, '', { parent: scope }) : kept;
}

/**
 * Goes through the rules in order. A rule that could not change the verdict so far is not tried, and so not inherited
 * either: a peculiarity of the reference that can be seen from outside, and is kept.
 */
function decide(
  patterns: readonly IgnorePattern[],
  path: string,
  options: { readonly parent: IgnoreScope; readonly record?: Uint8Array },
): IgnoreVerdict {
  const { parent, record } = options;
  let ignored = false;
  let decisive: IgnorePattern | undefined;
  for (let index = 0; index < patterns.length; index++) {
    const pattern = patterns[index];
    if (pattern === undefined) break;
    if (parent.inherited[index] !== 1) {
      if (pattern.negated !== ignored || !testPath(pattern.test, path)) continue;
      if (record !== undefined) record[index] = 1;
    }
    ignored = !pattern.negated;
    decisive = pattern;
  }
  return decisive === undefined ? kept : { ignored, pattern: decisive };
}

/** The elements of a pattern, each a pattern of its own, up to one that may stand for several. */
interface PatternLead {
  readonly elements: readonly IgnorePattern[];
  readonly isOpen: boolean;
}

function leadOf(pattern: IgnorePattern): PatternLead {
  const elements: IgnorePattern[] = [];
  for (const element of pattern.pattern.split('/')) {
    // Classes may match a slash, and a backslash may escape one; both are rare enough to give up on.
    const compiled = /\*\*|[[\\]/.test(element) ? undefined : compileIgnorePattern(element, pattern);
    if (compiled === undefined) return { elements, isOpen: true };
    elements.push(compiled);
  }
  return { elements, isOpen: false };
}

/** Whether a pattern that begins so may match a path below a directory. */
function mayMatchBelow(lead: PatternLead, directory: ByteString): boolean {
  const names = directory.split('/') as ByteString[];
  if (!lead.isOpen && lead.elements.length <= names.length) return false;
  return names.every((name, index) => {
    const element = lead.elements[index];
    return element === undefined || testPath(element.test, matchableText(name));
  });
}

function joinPath(folder: ByteString, name: ByteString): ByteString {
  return (folder === '' ? name : `${folder}/${name}`) as ByteString;
}

// oxlint-disable-next-line no-control-regex
const onlyAscii = /^[\x00-\x7f]*$/;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The path as text; a byte that is not UTF-8 becomes a lone surrogate, which nothing in a pattern can be equal to. */
function matchableText(path: ByteString): string {
  if (onlyAscii.test(path)) return path;
  try {
    return strictUtf8.decode(toBuffer(path));
  } catch {
    return path.replaceAll(/[\x80-\xff]+/g, decodeLoosely);
  }
}

function decodeLoosely(bytes: string): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = lengthOfCharacter(bytes.slice(at, at + 4));
    const raw = bytes.slice(at, at + Math.max(length, 1));
    text +=
      length === 0 ? String.fromCharCode(0xdc00 + raw.charCodeAt(0)) : Buffer.from(raw, 'latin1').toString('utf8');
    at += raw.length;
  }
  return text;
}

/** How many of these bytes make one character; 0 where they make none. */
function lengthOfCharacter(bytes: string): number {
  for (let length = 2; length <= bytes.length; length++) {
    const text = Buffer.from(bytes.slice(0, length), 'latin1').toString('utf8');
    if (!text.includes('\ufffd')) return length;
  }
  return 0;
}
