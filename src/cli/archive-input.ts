import { createReadStream } from 'node:fs';
import { Fault } from '../errors/index.ts';
import type { InputStream } from './output.ts';
import { unreadableFile } from './unreadable-file.ts';

const readBytes = 1024 * 1024;

export interface ArchiveInput<T> {
  /** What is done with it, for messages: `load`. */
  readonly during: string;
  readonly stdin: () => InputStream;
  readonly take: (archive: AsyncGenerator<Uint8Array>) => Promise<T>;
}

/** Takes what is in a file, or for `-` what comes on standard input. A Fault of it says which of them it was about. */
export async function takeArchive<T>(file: string, { during, stdin, take }: ArchiveInput<T>): Promise<T> {
  const what = `${during} ${file === '-' ? 'standard input' : file}`;
  try {
    return await take(file === '-' ? bytesOfInput(stdin()) : bytesOfFile(file, what));
  } catch (error) {
    const isTold = !Fault.is(error) || error.code === 'cancelled' || error.message.startsWith(what);
    throw isTold ? error : Fault.wrap(what, error);
  }
}

async function* bytesOfFile(file: string, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: readBytes });
  } catch (error) {
    throw unreadableFile(what, error);
  }
}

export async function* bytesOfInput(stdin: InputStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of stdin) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}
