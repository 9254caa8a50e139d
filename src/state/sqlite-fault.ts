import { Fault } from '../errors/index.ts';
import type { FaultCode } from '../errors/index.ts';

interface Meaning {
  readonly code: FaultCode;
  readonly hint?: string;
}

const full: Meaning = { code: 'exhausted', hint: 'the disk is full: free some space' };

/** SQLite's primary result codes (sqlite.org/rescode.html) that a person or another process may cause. */
const meanings: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [3, { code: 'denied' }],
  [5, { code: 'unavailable', hint: 'another process keeps writing to the store; try again' }],
  [6, { code: 'unavailable', hint: 'another process keeps writing to the store; try again' }],
  [8, { code: 'denied', hint: 'the store must be writable' }],
  [10, { code: 'unavailable', hint: 'the disk below the store reported an error' }],
  [11, { code: 'corrupt', hint: 'varve check --repair rebuilds the records from the files beside them' }],
  [13, full],
  [14, { code: 'denied', hint: 'the store must be a directory that this user may write to' }],
  [19, { code: 'conflict' }],
  [26, { code: 'corrupt', hint: 'varve check --repair rebuilds the records from the files beside them' }],
]);

/** Processes share memory in a file beside the database: where that cannot grow, opening fails. */
const sharedMemoryDoesNotGrow = 10 | (19 << 8);

const busy = 5;

/** An error of node:sqlite as the Fault that it means; a Fault stays as it is. */
export function faultOfSqlite(during: string, error: unknown): Fault {
  if (Fault.is(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  const meaning = meaningOf(error);
  const hint = meaning.hint === undefined ? {} : { hint: meaning.hint };
  return new Fault(meaning.code, `${during}: ${text}`, { cause: error, ...hint });
}

export function isBusy(error: unknown): boolean {
  return (resultCode(error) & primaryBits) === busy;
}

function meaningOf(error: unknown): Meaning {
  const code = resultCode(error);
  if (code === sharedMemoryDoesNotGrow) return full;
  return meanings.get(code & primaryBits) ?? { code: 'internal' };
}

/** An extended code has the primary one in its lowest bits; 0 for what is no error of SQLite. */
function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
}

const primaryBits = 0xff;
