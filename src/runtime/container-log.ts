import type { Timestamp } from '../std/index.ts';
import type { AttachedOutput } from './monitor.ts';

/** What a container wrote at once, as conmon logged it. */
export interface LogRecord {
  readonly stream: 'stdout' | 'stderr';
  readonly time: Timestamp;
  /** The bytes, with the line's end where there was one. */
  readonly bytes: Buffer;
}

/**
 * One line of conmon's log (the Kubernetes CRI format), without its line feed:
 * `2026-01-02T03:04:05.678901234+01:00 stdout F what was written`. The tag is P for a part of a line that goes on in
 * the next record of its stream, F for its end. Undefined for anything else, as a crash may leave half a line.
 */
export function parseLogLine(line: Buffer): LogRecord | undefined {
  const head = headPattern.exec(line.toString('latin1', 0, headLimitBytes));
  if (head === null) return undefined;
  const [prefix, date = '', fraction = '', zone = '', stream, tag] = head;
  const time = parseTime(date, fraction, zone);
  if (time === undefined) return undefined;
  const content = line.subarray(prefix.length);
  const bytes = tag === 'F' ? Buffer.concat([content, lineFeed]) : Buffer.from(content);
  return { stream: stream === 'stdout' ? 'stdout' : 'stderr', time, bytes };
}

const headPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,9})(Z|[+-]\d\d:\d\d) (stdout|stderr) ([PF]) /;
const headLimitBytes = 64;
const lineFeed = Buffer.from('\n');

function parseTime(date: string, fraction: string, zone: string): Timestamp | undefined {
  const ms = Date.parse(`${date}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return { sec: ms / 1000, nsec: Number(fraction.padEnd(9, '0')) };
}

/** What was written at once, as lines of the log; where it ends within a line, that goes on in the next record. */
export function formatLogChunk({ stream, bytes }: AttachedOutput, timeMs: number): Buffer {
  const head = `${new Date(timeMs).toISOString().slice(0, 23)}000000Z ${stream}`;
  const [whole, part] = [Buffer.from(`${head} F `), Buffer.from(`${head} P `)];
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
    pieces.push(whole, bytes.subarray(start, end + 1));
    start = end + 1;
  }
  if (start < bytes.length) pieces.push(part, bytes.subarray(start), lineFeed);
  return Buffer.concat(pieces);
}

/** A record's time as `logs --timestamps` shows it: RFC 3339 in UTC with nanoseconds. */
export function formatLogTime({ sec, nsec }: Timestamp): string {
  return `${new Date(sec * 1000).toISOString().slice(0, 19)}.${String(nsec).padStart(9, '0')}Z`;
}
