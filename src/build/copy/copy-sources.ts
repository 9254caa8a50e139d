import { Fault } from '../../errors/index.ts';
import { bytesOf, showBytes, textOf, type ByteString } from '../../std/index.ts';
import { compileNamePattern, hasWildcard, unescapeName } from './path-pattern.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { SourceNode, SourceTree } from '../source/source-tree.ts';

/** One thing to be copied: a file, or what is in a directory. */
export interface CopyRoot {
  /** Where it is to be found, without what the instruction leaves out. */
  readonly tree: SourceTree;
  /** Its last name as it was asked for, which it keeps in a destination directory. */
  readonly name: ByteString;
  /** Where it is, free of symlinks. */
  readonly path: ByteString;
  readonly isDirectory: boolean;
  /** What tells its whole content, where that was fetched and need not be looked at to know it. */
  readonly identity?: ByteString;
}

/** One of the things to be copied, and where it goes. */
export interface PlacedRoot {
  readonly root: CopyRoot;
  /** Which of the instruction's it is. */
  readonly index: number;
  /** The directory for its contents, or the file's own place. */
  readonly place: ByteString;
  /** True of an archive: it is unpacked, not written. */
  readonly isArchive?: boolean;
}

/** The directory that is copied with itself; undefined where none is. The root of a tree is nobody's to copy. */
export function copiedRoot(
  { keepsRoot }: Pick<CopyPlan, 'keepsRoot'>,
  roots: readonly CopyRoot[],
): SourceNode | undefined {
  const [root] = roots;
  return keepsRoot && root?.isDirectory === true && root.path !== '' ? root.tree.stat(root.path) : undefined;
}

/**
 * What a path or pattern stands for; that of a pattern sorted. The last name is followed if it is a symlink. `..` goes no
 * higher than the root.
 *
 * Fault `not-found` for a source that is not there, `invalid` for a pattern that cannot be read.
 */
export function findSources(tree: SourceTree, source: string): readonly CopyRoot[] {
  if (hasWildcard(source)) return matches(tree, source).map((path) => rootAt(tree, path));
  return [rootAt(tree, bytesOf(cleaned(unescapeName(source))))];
}

function rootAt(tree: SourceTree, path: ByteString): CopyRoot {
  const place = path === '' ? path : tree.resolve(path);
  const node = path === '' || tree.stat(path) !== undefined ? tree.stat(place) : undefined;
  if (node === undefined) throw missing(path);
  return { tree, name: lastName(path), path: place, isDirectory: node.type === 'dir' };
}

/** What matches, name by name. From the first pattern on, symlinks to directories are not entered. */
function matches(tree: SourceTree, source: string): readonly ByteString[] {
  const names = cleaned(source).split('/');
  const fixed = names.findIndex(hasWildcard);
  const start = bytesOf(unescapeName(names.slice(0, fixed).join('/')));
  let found: readonly ByteString[] = [start];
  for (const [index, name] of names.slice(fixed).entries()) {
    const pattern = compileNamePattern(name);
    if (pattern === undefined) throw new Fault('invalid', `syntax error in pattern: ${source}`);
    found = found.flatMap((folder) => {
      if (index > 0 && tree.stat(folder)?.type !== 'dir') return [];
      return namesIn(tree, folder).flatMap((each) => (pattern.test(textOf(each) ?? each) ? joined(folder, each) : []));
    });
  }
  return found;
}

function namesIn(tree: SourceTree, folder: ByteString): readonly ByteString[] {
  const path = tree.resolve(folder);
  return path === '' || tree.stat(path)?.type === 'dir' ? tree.list(path) : [];
}

/** Without empty names and `.`; `..` takes a name away, at the root none. */
export function cleaned(source: string): string {
  const names: string[] = [];
  for (const name of source.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/');
}

function joined(folder: ByteString, name: ByteString): ByteString {
  return (folder === '' ? name : `${folder}/${name}`) as ByteString;
}

function lastName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1) as ByteString;
}

export function missing(path: ByteString): Fault {
  return new Fault('not-found', `failed to compute cache key: "/${showBytes(path)}": not found`, {
    hint: 'is it in the context, and not left out by .dockerignore?',
  });
}
