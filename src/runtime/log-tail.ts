import { readSync } from 'node:fs';
import { parseLogLine } from './container-log.ts';

/**
 * Where in a log of `size` bytes the last `lines` lines begin, as offset in bytes. A line is what ends in a record
 * tagged F; parts after the last of these make one more line. Reads from the end, no more than it needs.
 */
export function tailOffset(fd: number, size: number, lines: number): number {
  if (lines <= 0) return size;
  let found = 0;
  for (const { start, end, line } of linesFromEnd(fd, size)) {
    const endsLine = parseLogLine(line)?.bytes.at(-1) === lineFeed;
    if (found === 0 || endsLine) found += 1;
    if (found > lines) return end;
    if (start === 0) break;
  }
  return 0;
}

interface Place {
  readonly start: number;
  /** After the line's own line feed. */
  readonly end: number;
  /** Without its line feed. */
  readonly line: Buffer;
}

/** The whole lines of the file, the last one first; what follows the last line feed is passed over. */
function* linesFromEnd(fd: number, size: number): Generator<Place, void, undefined> {
  let kept: Buffer = Buffer.alloc(0);
  let offset = size;
  let whole = false;
  while (offset > 0 || kept.length > 0) {
    const feed = kept.lastIndexOf(lineFeed, whole ? -2 : -1);
    if (feed < 0 && offset > 0) {
      const block = readBlock(fd, Math.max(0, offset - blockBytes), offset);
      offset -= block.length;
      kept = Buffer.concat([block, kept]);
      continue;
    }
    if (whole) yield { start: offset + feed + 1, end: offset + kept.length, line: kept.subarray(feed + 1, -1) };
    if (feed < 0) return;
    kept = kept.subarray(0, feed + 1);
    whole = true;
  }
}

function readBlock(fd: number, start: number, end: number): Buffer {
  const block = Buffer.alloc(end - start);
  let length = 0;
  for (let got = -1; got !== 0 && length < block.length; length += got) {
    got = readSync(fd, block, length, block.length - length, start + length);
  }
  return block.subarray(0, length);
}

const blockBytes = 64 * 1024;
const lineFeed = 10;
