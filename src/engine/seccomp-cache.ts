import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { loadSeccomp, seccompProfilePaths, type SeccompFilter } from '../runtime/index.ts';

export type SeccompTarget = Parameters<typeof loadSeccomp>[0];

/**
 * As `loadSeccomp`, with the result kept in `folder`, a volatile one: every container of a machine has nearly always the
 * same filter, and working it out costs a tenth of a start. `version` is that of the program which works it out.
 */
export function cachedSeccomp(target: SeccompTarget, { folder, version }: CacheOptions): SeccompFilter {
  const path = join(folder, `${keyOf(target, version)}.filter.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as SeccompFilter;
  } catch {
    const filter = loadSeccomp(target);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(filter), { mode: 0o600 });
    renameSync(`${path}.${process.pid}`, path);
    return filter;
  }
}

export interface CacheOptions {
  readonly folder: string;
  readonly version: string;
}

/** All that the filter depends on: another profile, kernel or set of capabilities has another one. */
function keyOf({ architecture, capabilities, path }: SeccompTarget, version: string): string {
  const profiles = (path === undefined ? seccompProfilePaths : [path]).map((each) => {
    const status = statSync(each, { throwIfNoEntry: false });
    return [each, status?.ino, status?.ctimeMs, status?.size];
  });
  const parts = JSON.stringify([version, release(), architecture, capabilities, profiles]);
  return createHash('sha256').update(parts).digest('hex').slice(0, 32);
}
