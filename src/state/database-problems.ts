import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { processesWithOpen } from '../host/index.ts';
import { databaseName } from './open-state.ts';

/**
 * What SQLite finds wrong with the database of the store in `root`: nothing for one that is sound or missing. Reads it
 * all on a connection of its own, and closes that.
 */
export function databaseProblems(root: string): readonly string[] {
  const path = join(root, databaseName);
  if (!existsSync(path)) return [];
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const handle = new DatabaseSync(path, { timeout: waitLimitMs });
  try {
    const rows = handle.prepare(`PRAGMA integrity_check(${maxProblems})`).all();
    return rows
      .flatMap((row) => String(row['integrity_check']).split('\n'))
      .filter((line) => !/^(ok|\*\*\* .*)$/.test(line));
  } catch (error) {
    if (isDamage(error)) return [(error as Error).message];
    throw error;
  } finally {
    handle.close();
  }
}

/** The processes that have the database of the store in `root` open: it cannot be replaced under their feet. */
export function processesUsingDatabase(root: string): readonly number[] {
  return processesWithOpen(join(root, databaseName));
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, sqlite.org/rescode.html. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  return [11, 26].includes(error.errcode & 0xff);
}

const waitLimitMs = 30_000;
const maxProblems = 10;
