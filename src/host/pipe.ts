import { bytesOf } from '../std/index.ts';
import { check, libc } from './libc.ts';

/** Both ends of a new pipe, close-on-exec; what Node gives for one is a socket. */
export function openPipe(): { readonly reader: number; readonly writer: number } {
  const ends = Buffer.alloc(8);
  check(libc().pipe2(ends, closeOnExec), 'make', bytesOf('a pipe'));
  return { reader: ends.readInt32LE(0), writer: ends.readInt32LE(4) };
}

const closeOnExec = 0o2_000_000;
