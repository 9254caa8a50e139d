import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { bytesOf } from '../std/index.ts';
import { nodeFault } from './errno.ts';

/**
 * Makes a folder and those above it that are missing, as `mkdir -p` does. One that is there is left as it is. For places
 * that a user names: Node's own way never ends where a file system takes no folders (`/proc`). Fault of what kept it from being made.
 */
export function makeFolders(path: string, mode = 0o777): void {
  if (isFolder(path)) return;
  const above = dirname(resolve(path));
  if (!isFolder(above) && above !== resolve(path)) makeFolders(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (!isFolder(path)) throw nodeFault('make folder', bytesOf(path), error);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
