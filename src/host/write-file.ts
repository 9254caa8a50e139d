import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { nodeFault } from './errno.ts';

/** Takes bytes one after the other; awaited before more are made. */
export type WriteChunk = (chunk: Uint8Array) => Promise<void>;

/**
 * Writes a file that gets its name when it is complete; where anything fails nothing is left behind, and what had the
 * name before still has it. A symlink of that name is replaced; what is no plain file (a pipe, a device, `/dev/stdout`) is
 * written as it is. Fault `invalid` for a folder, else of what kept it from being written.
 */
export async function writeWholeFile(file: string, produce: (write: WriteChunk) => Promise<void>): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) throw new Fault('invalid', `write ${file}: it is a folder`);
  const isSpecial = there !== undefined && (!there.isFile() || isBelowDevices(file));
  const target = isSpecial ? file : temporaryNeighbour(file);
  try {
    await fill(target, isSpecial ? 'w' : 'wx', produce);
    if (!isSpecial) await rename(target, file);
  } catch (error) {
    if (!isSpecial) await rm(target, { force: true });
    throw nodeFault('write', bytesOf(file), error);
  }
}

/** Where something is written before it takes the name: in the same folder, hidden, of a name that nobody else has. */
export function temporaryNeighbour(file: string): string {
  return join(dirname(file), `.${basename(file).slice(0, 200)}.${randomUUID().slice(0, 8)}`);
}

/** `/dev/stdout` leads to a plain file where a shell redirects it, and is not to be replaced for that. */
function isBelowDevices(file: string): boolean {
  return /^\/(dev|proc)\//.test(resolve(file));
}

async function fill(target: string, flags: 'w' | 'wx', produce: (write: WriteChunk) => Promise<void>): Promise<void> {
  await using handle = await open(target, flags);
  await produce(async (chunk) => {
    for (let done = 0; done < chunk.length;) done += (await handle.write(chunk, done)).bytesWritten;
  });
}
