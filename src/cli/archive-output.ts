import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { Output } from './output.ts';

export type Write = (chunk: Uint8Array) => Promise<void>;

/**
 * Where `save` and `export` write to: a file, or standard output unless that is a terminal. A file gets its name when
 * it is complete; where anything fails nothing is left behind.
 */
export async function writeArchive(
  file: string | undefined,
  stdout: Output,
  produce: (write: Write) => Promise<void>,
): Promise<void> {
  if (file !== undefined) return writeFile(file, produce);
  if (stdout.isTerminal) {
    throw new Fault('invalid', 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
  }
  await produce((chunk) => stdout.write(chunk));
}

async function writeFile(file: string, produce: (write: Write) => Promise<void>): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  const isSpecial = there !== undefined && !there.isFile();
  const target = isSpecial ? file : join(dirname(file), `.${basename(file)}.${randomUUID().slice(0, 8)}`);
  try {
    await fill(target, isSpecial ? 'w' : 'wx', produce);
    if (!isSpecial) await rename(target, file);
  } catch (error) {
    if (!isSpecial) await rm(target, { force: true });
    throw Fault.is(error) ? error : Fault.wrap(`write ${file}`, error);
  }
}

async function fill(target: string, flags: 'w' | 'wx', produce: (write: Write) => Promise<void>): Promise<void> {
  await using handle = await open(target, flags);
  await produce(async (chunk) => {
    for (let done = 0; done < chunk.length;) done += (await handle.write(chunk, done)).bytesWritten;
  });
}
