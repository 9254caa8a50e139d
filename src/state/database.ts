import { Fault } from '../errors/index.ts';

/**
 * The one SQLite database of a store, as the record collections see it.
 *
 * All calls are synchronous, so nothing can happen between two statements of a transaction but the statements
 * themselves. Several processes use the database at once: readers never wait (write-ahead log), a writer waits for
 * another writer until the wait limit and then fails as `unavailable`.
 *
 * Errors: `unavailable` (another process kept writing), `exhausted` (disk full), `denied` (no permission, read-only
 * file system), `corrupt` (not a database, or a damaged one), `conflict` (a constraint was violated), `unsupported`
 * (written by a newer release), `internal` for mistakes in the program.
 */
export interface Database extends Disposable {
  /** The first row of a query, undefined if there is none. */
  get(sql: string, ...values: readonly SqlValue[]): Row | undefined;
  /** Every row of a query. */
  all(sql: string, ...values: readonly SqlValue[]): readonly Row[];
  /** Runs one statement and says how many rows it changed. Outside a transaction it is one of its own. */
  run(sql: string, ...values: readonly SqlValue[]): number;

  /**
   * Runs `body` with the database locked against every other writer; what it wrote is there as a whole once this
   * returns, and not at all if it throws or the process dies. A power cut may take the last transactions back, newest
   * first, never a part of one. Inside another transaction it joins that one.
   */
  transaction<T>(body: () => T): T;

  /**
   * As `transaction`, and what was written, with all that was written before, outlives a power cut once this returns.
   * It cannot begin inside a transaction that is not durable itself.
   */
  durably<T>(body: () => T): T;
}

export type SqlValue = string | number | bigint | null | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

/** The column's text; a row that has none there was not written by this program. */
export function textIn(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw unexpected(column, 'text');
  return value;
}

export function integerIn(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw unexpected(column, 'a number');
  return value;
}

export function bytesIn(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw unexpected(column, 'bytes');
  return value;
}

export function optionalTextIn(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textIn(row, column);
}

/** What a JSON column holds, undefined where it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unexpected(column: string, type: string): Fault {
  return new Fault('corrupt', `read the store's records: column ${column} is not ${type}`, {
    hint: 'varve check --repair rebuilds the records from the files beside them',
  });
}
