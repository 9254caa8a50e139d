import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { errnoFault } from './errno.ts';

export interface PathParts {
  /** '' for the root. */
  readonly parent: ByteString;
  readonly name: ByteString;
}

/** Parent and last name; undefined where the path has no last name of its own: the root, or an end in `.` or `..`. */
export function splitPath(path: ByteString): PathParts | undefined {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end -= 1;
  const slash = path.lastIndexOf('/', end - 1);
  const name = path.slice(slash + 1, end) as ByteString;
  if (end === 0 || name === '.' || name === '..') return undefined;
  return { parent: path.slice(0, Math.max(slash, 0)) as ByteString, name };
}

/** As `splitPath`, with a path that has no last name refused. */
export function mustSplitPath(path: ByteString): PathParts {
  const parts = splitPath(path);
  if (parts === undefined) throw errnoFault(22, 'use', path === '' ? bytesOf('/') : path, 'it names no entry');
  return parts;
}
