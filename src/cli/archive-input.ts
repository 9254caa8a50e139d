import { createReadStream } from 'node:fs';
import { Fault } from '../errors/index.ts';
import type { InputStream } from './output.ts';

const readBytes = 1024 * 1024;

/** What is in a file, or for `-` what comes on standard input. Fault `not-found` for a file that is not there. */
export function readArchive(file: string, stdin: () => InputStream): AsyncGenerator<Uint8Array> {
  return file === '-' ? bytesOfInput(stdin()) : bytesOfFile(file);
}

async function* bytesOfFile(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: readBytes });
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw isMissing
      ? new Fault('not-found', `no such file: ${file}`, { cause: error })
      : Fault.wrap(`read ${file}`, error);
  }
}

async function* bytesOfInput(stdin: InputStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of stdin) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}
