import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../errors/index.ts';
import { writeArchive } from './archive-output.ts';
import type { Output } from './output.ts';

/**
 * Says before hours of work that their result could not be written. Fault `invalid` for a folder, `not-found` where the
 * folder for the file is missing.
 */
export function requireWritable(flag: string, file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new Fault('invalid', `--${flag} ${file}: it is a folder`, { hint: 'name a file' });
  }
  const folder = dirname(file);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new Fault('not-found', `--${flag} ${file}: there is no folder ${folder}`);
}

/** Writes a small file, whole or not at all; a symlink of that name is replaced. */
export async function writeResult(file: string, text: string, stdout: Output): Promise<void> {
  await writeArchive(file, stdout, (write) => write(Buffer.from(text)));
}
