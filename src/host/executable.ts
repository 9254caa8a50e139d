import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where system programs are looked for unless the caller says otherwise. */
export const defaultSearchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first file called `name` in the directories of `searchPath` that may be run; undefined where there is none. */
export function findExecutable(name: string, searchPath: string = defaultSearchPath): string | undefined {
  if (name.includes('/')) return isExecutable(name) ? name : undefined;
  const candidates = searchPath
    .split(':')
    .filter((each) => each.startsWith('/'))
    .map((each) => join(each, name));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
