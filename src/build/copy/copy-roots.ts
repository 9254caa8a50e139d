import { Fault } from '../../errors/index.ts';
import type { CopyPlan } from './copy-plan.ts';
import { excludeMatcher, findWithParents, withoutExcluded } from './copy-selection.ts';
import { findSources, type CopyRoot } from './copy-sources.ts';
import type { FetchedSource } from '../source/fetched-source.ts';
import type { SourceTree } from '../source/source-tree.ts';

export interface CopyOrigins {
  /** What paths are relative to; undefined where the instruction has none. */
  readonly tree: SourceTree | undefined;
  /** For each remote word of the plan, in their order, what it stands for, and the tree of it. */
  readonly fetched: readonly OpenFetched[];
}

export interface OpenFetched {
  readonly source: FetchedSource;
  readonly tree: SourceTree;
}

/**
 * What the words of the instruction stand for, in their order. Fault `not-found` for a source that is not there, and
 * where there is nothing to copy at all; `invalid` for a pattern that makes no sense.
 */
export function copyRoots(plan: CopyPlan, { tree, fetched }: CopyOrigins): readonly CopyRoot[] {
  const excluded = excludeMatcher(plan.excludes);
  const remotes = fetched[Symbol.iterator]();
  const roots = plan.words.flatMap((word): readonly CopyRoot[] => {
    if (word.kind !== 'path') return fetchedRoot(remotes.next().value);
    return tree === undefined || plan.keepsParents ? [] : findSources(tree, word.text);
  });
  const words = plan.words.flatMap((word) => (word.kind === 'path' ? [word.text] : []));
  const withParents = tree !== undefined && plan.keepsParents ? findWithParents(tree, words) : [];
  const all = [...withParents, ...roots].map((root) => withoutExcluded(root, excluded));
  if (all.length > 0 || plan.inlineFiles.length > 0) return all;
  throw new Fault('not-found', 'no source files were specified: no pattern matches anything');
}

function fetchedRoot(open: OpenFetched | undefined): readonly CopyRoot[] {
  if (open === undefined) throw new Fault('internal', 'copy: a remote source was not opened');
  const { source, tree } = open;
  const { name, identity, isDirectory } = source;
  return [{ tree, name, identity, isDirectory, path: isDirectory ? ('' as typeof name) : name }];
}
