import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { bytesFrom } from '../std/index.ts';

/** The records of a PAX extended header: values are bytes. Of equal keys the last one counts. */
export type PaxRecords = ReadonlyMap<string, ByteString>;

export const noRecords: PaxRecords = new Map();

/**
 * Reads the body of a PAX extended header, `LENGTH KEY=VALUE\n` over and over, where LENGTH counts the whole record
 * (POSIX.1-2024 pax, "Extended Header"). The pairs of `GNU.sparse.offset` and `GNU.sparse.numbytes` of sparse format
 * 0.0, which repeats keys, come back as one `GNU.sparse.map`, as in format 0.1.
 *
 * Fault `invalid` for anything else, and for a NUL in a key or a name.
 */
export function parsePaxRecords(body: Buffer): PaxRecords {
  const records = new Map<string, ByteString>();
  const sparse: ByteString[] = [];
  for (let at = 0; at < body.length;) {
    const end = recordEnd(body, at);
    const keyStart = body.indexOf(0x20, at) + 1;
    const equals = body.indexOf(0x3d, keyStart);
    if (equals <= keyStart || equals >= end) throw malformed();
    const key = bytesFrom(body, keyStart, equals);
    const value = bytesFrom(body, equals + 1, end - 1);
    if ((named.has(key) ? value : key).includes('\0')) throw malformed();
    if (key === sparseKeys[0] || key === sparseKeys[1]) collectSparse(sparse, key, value);
    else records.set(key, value);
    at = end;
  }
  if (sparse.length > 0) records.set('GNU.sparse.map', sparse.join(',') as ByteString);
  return records;
}

/** One record, its length included. */
export function formatPaxRecord(key: string, value: ByteString): ByteString {
  const rest = key.length + value.length + ' =\n'.length;
  const guess = rest + String(rest).length;
  const length = rest + String(guess).length;
  return `${length} ${key}=${value}\n` as ByteString;
}

const named = new Set(['path', 'linkpath', 'uname', 'gname']);
const sparseKeys = ['GNU.sparse.offset', 'GNU.sparse.numbytes'] as const;

function collectSparse(pairs: ByteString[], key: string, value: ByteString): void {
  if (key !== sparseKeys[pairs.length % 2] || value.includes(',')) throw malformed();
  pairs.push(value);
}

/** Where the record that starts at `start` ends, its newline included. */
function recordEnd(body: Buffer, start: number): number {
  let length = 0;
  let at = start;
  for (; at < body.length; at++) {
    const digit = (body[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  const end = start + length;
  const whole = at > start && body[at] === 0x20 && length >= 5 && end <= body.length && end > at + 1;
  if (!whole || body[end - 1] !== 0x0a) throw malformed();
  return end;
}

function malformed(): Fault {
  return new Fault('invalid', 'a pax record is malformed');
}
