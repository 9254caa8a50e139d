import { Fault } from '../errors/index.ts';
import { showBytes } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { namesIn, openDirectoryAt } from './directory-entry.ts';
import { errnoOf } from './errno.ts';
import { statAt } from './file-status.ts';
import type { FileStatus } from './file-status.ts';
import { closeFd } from './libc.ts';

/** One thing met on a walk. `dirfd` and `name` reach it for the `…At` calls until the walk goes on. */
export interface WalkEntry {
  /** Path relative to the tree's root, without a leading slash. */
  readonly path: ByteString;
  readonly status: FileStatus;
  readonly dirfd: number;
  readonly name: ByteString;
  /** How many directories below the start lead to it: 0 for what is in the start itself. */
  readonly depth: number;
}

export interface WalkOptions {
  /** Called for each directory after it was given out; false leaves out what is in it. */
  readonly enter?: (entry: WalkEntry) => boolean;
}

/**
 * Everything below an open directory: depth first, the names of each directory in bytewise order, a directory before
 * what is in it, the start itself not. Symlinks are given out, never followed. What disappears meanwhile is left out.
 *
 * One descriptor is open for each level; all are closed when the walk ends or is left. Takes over `fd`.
 */
export function* walkTree(fd: number, path: ByteString, options: WalkOptions): Generator<WalkEntry, void, undefined> {
  const levels: Level[] = [];
  try {
    levels.push(enterLevel(fd, path));
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const entry = nextEntry(level, levels.length - 1);
      if (entry === undefined) {
        closeFd(level.fd);
        levels.pop();
        continue;
      }
      yield entry;
      if (entry.status.type !== 'dir' || options.enter?.(entry) === false) continue;
      if (levels.length >= maxDepth) throw tooDeep(entry.path);
      const inner = openIfStillThere(entry);
      if (inner !== undefined) levels.push(enterLevel(inner, entry.path));
    }
  } finally {
    for (const level of levels) closeFd(level.fd);
  }
}

/** Half of PATH_MAX: a deeper path could not be named in one call anyway. */
const maxDepth = 2048;

interface Level {
  readonly fd: number;
  readonly prefix: string;
  readonly names: readonly ByteString[];
  next: number;
}

function enterLevel(fd: number, path: ByteString): Level {
  try {
    const inside = path.replaceAll(/^\/+|\/+$/g, '');
    return { fd, prefix: inside === '' ? '' : `${inside}/`, names: namesIn(fd, path), next: 0 };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function nextEntry(level: Level, depth: number): WalkEntry | undefined {
  while (level.next < level.names.length) {
    const name = level.names[level.next++] as ByteString;
    const status = statAt(level.fd, name);
    if (status !== undefined)
      return { path: (level.prefix + name) as ByteString, status, dirfd: level.fd, name, depth };
  }
  return undefined;
}

function openIfStillThere(entry: WalkEntry): number | undefined {
  try {
    return openDirectoryAt(entry.dirfd, entry.name, entry.path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function tooDeep(path: ByteString): Fault {
  const start = showBytes(path.slice(0, 80) as ByteString);
  return new Fault('exhausted', `walk ${start}…: deeper than ${maxDepth} directories`);
}
