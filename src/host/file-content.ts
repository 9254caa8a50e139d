import { readSync, writeSync } from 'node:fs';

/** Reads from where the descriptor stands until `into` is full or the file ends; gives how much it was. */
export function readFully(fd: number, into: Buffer): number {
  let length = 0;
  for (let got = -1; got !== 0 && length < into.length; length += got) {
    got = readSync(fd, into, length, into.length - length, null);
  }
  return length;
}

/** Writes all of `chunk`, however many calls that takes. */
export function writeFully(fd: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.length;) done += writeSync(fd, chunk, done);
}
