import { Fault } from '../../errors/index.ts';
import type { OpenTree } from '../../layer/index.ts';
import { bytesOf, showBytes, type ByteString } from '../../std/index.ts';
import { resolveInTree } from './tree-path.ts';

/** Something that is to be copied, as far as the destination depends on it. */
export interface Copied {
  readonly name: ByteString;
  /** True for what is unfolded into a directory: a directory's contents, an archive. */
  readonly isDirectory: boolean;
  readonly isArchive?: boolean;
}

export interface CopyLayout {
  /** For each thing: the directory that its contents go to, or the place of the file. Free of symlinks. */
  readonly places: readonly ByteString[];
  /** The directory that has to be there; undefined where the destination is one file. */
  readonly directory: ByteString | undefined;
}

/**
 * Where things are copied to. A destination that is a directory, or ends in a slash, takes files under their own names,
 * any other is the name of the one file. Symlinks on the way and at the end are followed inside the root; where they
 * lead nowhere, it is made there. Fault `invalid` where a file stands in the way of a directory.
 */
export function layOut(below: OpenTree, destination: string, things: readonly Copied[]): CopyLayout {
  const base = resolveInTree(below, bytesOf(destination));
  const found = base === '' ? below.root : below.lookup(base);
  const isFile = found !== undefined && found.type !== 'dir';
  if (destination.endsWith('/') && isFile) throw notDirectory(base);
  let kind: 'directory' | 'file' | 'free' = found?.type === 'dir' || destination.endsWith('/') ? 'directory' : 'free';
  const places: ByteString[] = [];
  for (const { name, isDirectory, isArchive } of things) {
    const isInTheWay = isDirectory && (isFile || kind === 'file');
    if (isInTheWay)
      throw isArchive === true ? notDirectory(base) : cannotCopyToNonDirectory(base, found?.type ?? 'file');
    if (kind === 'file') throw oneFileForMany(base, things.length);
    if (isDirectory) kind = 'directory';
    places.push(kind === 'directory' && !isDirectory ? inside(base, name) : base);
    if (kind === 'free') kind = 'file';
  }
  return { places, directory: kind === 'directory' ? base : undefined };
}

export function inside(folder: ByteString, name: string): ByteString {
  return (folder === '' ? name : `${folder}/${name}`) as ByteString;
}

export function notDirectory(path: ByteString): Fault {
  return new Fault('invalid', `mkdir /${showBytes(path)}: not a directory`);
}

/** `from`: what of the sources was to go there. */
export function cannotCopyToNonDirectory(path: ByteString, type: string, from?: ByteString): Fault {
  const what = from === undefined ? 'a directory' : `directory ${showBytes(from)}`;
  return new Fault('invalid', `cannot copy to non-directory: /${showBytes(path)} is a ${type}, and ${what} goes there`);
}

export function cannotReplaceDirectory(path: ByteString, type: string, from: ByteString): Fault {
  return new Fault('invalid', `cannot replace to directory /${showBytes(path)} with ${type} ${showBytes(from)}`);
}

function oneFileForMany(path: ByteString, count: number): Fault {
  return new Fault('invalid', `cannot copy ${count} sources to the one file /${showBytes(path)}`, {
    hint: 'when there are several sources, the destination must be a directory and end with a /',
  });
}
