import { createIgnoreMatcher, readPathPatterns, type IgnoreMatcher } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import { cleaned, findSources, missing, type CopyRoot } from './copy-sources.ts';
import { hasWildcard, unescapeName } from './path-pattern.ts';
import { selectedTree } from '../source/selected-tree.ts';
import type { SourceTree } from '../source/source-tree.ts';

/** What `--exclude` leaves out. Fault `invalid` for a pattern that makes no sense. */
export function excludeMatcher(patterns: readonly string[]): IgnoreMatcher {
  return createIgnoreMatcher({ patterns: compiled(patterns, 'exclude') });
}

/** The root without what is left out of it. A file that was named itself is never left out. */
export function withoutExcluded(root: CopyRoot, excluded: IgnoreMatcher): CopyRoot {
  if (!root.isDirectory) return root;
  return { ...root, tree: selectedTree(root.tree, { root: root.path, matchers: [excluded] }) };
}

/**
 * What the words of a COPY `--parents` stand for: directories, of which only what the words name is there, with the
 * directories that lead to it. They begin at the root, or where a word has `/./`. Symlinks are not followed behind that.
 *
 * Fault `not-found` for a path that is not there. A pattern may match nothing.
 */
export function findWithParents(tree: SourceTree, words: readonly string[]): readonly CopyRoot[] {
  const byPivot = new Map<string, string[]>();
  for (const word of words) {
    const { pivot, pattern } = splitAtPivot(word);
    byPivot.set(pivot, [...(byPivot.get(pivot) ?? []), pattern]);
  }
  return [...byPivot].flatMap(([pivot, patterns]) =>
    findSources(tree, pivot)
      .filter((root) => root.isDirectory)
      .map((root) => onlyNamed(root, pivot, patterns))
      .filter((root) => hasSomething(root)),
  );
}

interface PivotedWord {
  /** Path or pattern of the directory that paths begin at; '' for the root. */
  readonly pivot: string;
  readonly pattern: string;
}

function splitAtPivot(word: string): PivotedWord {
  const at = word.indexOf('/./');
  const pivot = at < 0 ? '' : word.slice(0, at);
  return { pivot, pattern: cleaned(at < 0 ? word : word.slice(at + '/./'.length)) };
}

function onlyNamed(root: CopyRoot, pivot: string, patterns: readonly string[]): CopyRoot {
  if (patterns.includes('')) return root;
  const matchers = [
    createIgnoreMatcher({ patterns: compiled(['**', ...patterns.map((each) => `!${each}`)], 'include') }),
  ];
  const tree = selectedTree(root.tree, { root: root.path, matchers });
  for (const pattern of hasWildcard(pivot) ? [] : patterns) {
    const path = inside(root.path, unescapeName(pattern));
    if (!hasWildcard(pattern) && tree.stat(path) === undefined) throw missing(path);
  }
  return { ...root, tree };
}

function hasSomething({ tree, path }: CopyRoot): boolean {
  for (const _ of tree.walk(path)) return true;
  return false;
}

function inside(folder: ByteString, path: string): ByteString {
  return (folder === '' ? bytesOf(path) : `${folder}/${bytesOf(path)}`) as ByteString;
}

function compiled(
  texts: readonly string[],
  kind: 'exclude' | 'include',
): Parameters<typeof createIgnoreMatcher>[0]['patterns'] {
  const read = readPathPatterns(texts);
  if (read.kind === 'patterns') return read.patterns;
  throw new Fault('invalid', `invalid ${kind}patterns: [${texts.join(' ')}]: ${read.message}`);
}
