import { Fault } from '../errors/index.ts';
import type { FaultCode } from '../errors/index.ts';

interface Meaning {
  readonly code: FaultCode;
  readonly hint?: string;
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that a person or another process may cause. */
const meanings: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [3, { code: 'denied' }],
  [5, { code: 'unavailable', hint: 'another process keeps writing to the store; try again' }],
  [6, { code: 'unavailable', hint: 'another process keeps writing to the store; try again' }],
  [8, { code: 'denied', hint: 'the store must be writable' }],
  [10, { code: 'unavailable', hint: 'the disk below the store reported an error' }],
  [11, { code: 'corrupt', hint: 'varve check --repair rebuilds the records from the files beside them' }],
  [13, { code: 'exhausted', hint: 'the disk is full' }],
  [14, { code: 'denied', hint: 'the store must be a directory that this user may write to' }],
  [19, { code: 'conflict' }],
  [26, { code: 'corrupt', hint: 'varve check --repair rebuilds the records from the files beside them' }],
]);

const busy = 5;

/** An error of node:sqlite as the Fault that it means; a Fault stays as it is. */
export function faultOfSqlite(during: string, error: unknown): Fault {
  if (Fault.is(error)) return error;
  const code = primaryCode(error);
  const text = error instanceof Error ? error.message : String(error);
  const meaning: Meaning = (code === undefined ? undefined : meanings.get(code)) ?? { code: 'internal' };
  const hint = meaning.hint === undefined ? {} : { hint: meaning.hint };
  return new Fault(meaning.code, `${during}: ${text}`, { cause: error, ...hint });
}

export function isBusy(error: unknown): boolean {
  return primaryCode(error) === busy;
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
