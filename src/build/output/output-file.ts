import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../../errors/index.ts';

export type WriteChunk = (chunk: Uint8Array) => Promise<void>;

/** Writes to a file, or to standard output where `dest` is `-`. */
export function writeOutput(
  dest: string,
  stdout: WriteChunk,
  produce: (write: WriteChunk) => Promise<void>,
): Promise<void> {
  return dest === '-' ? produce(stdout) : writeFile(dest, produce);
}

/**
 * Writes a file that gets its name when it is complete; where anything fails nothing is left behind, and what had the
 * name before still has it. What is no plain file (a pipe, a device) is written as it is. Fault `invalid` for a folder.
 */
async function writeFile(file: string, produce: (write: WriteChunk) => Promise<void>): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) throw new Fault('invalid', `write ${file}: it is a folder`);
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

async function fill(target: string, flags: 'w' | 'wx', produce: (write: WriteChunk) => Promise<void>): Promise<void> {
  await using handle = await open(target, flags);
  await produce(async (chunk) => {
    for (let done = 0; done < chunk.length;) done += (await handle.write(chunk, done)).bytesWritten;
  });
}
