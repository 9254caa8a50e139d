import { Fault } from '../errors/index.ts';
import type { WriteChunk } from '../engine/index.ts';
import type { Output } from './output.ts';

/**
 * Where `save` and `export` write to: a file, or standard output unless that is a terminal. A file gets its name when
 * it is complete; where anything fails nothing is left behind.
 */
export async function writeArchive(
  file: string | undefined,
  stdout: Output,
  produce: (write: WriteChunk) => Promise<void>,
): Promise<void> {
  if (file !== undefined) {
    const { writeWholeFile } = await import('../engine/index.ts');
    return writeWholeFile(file, produce);
  }
  if (stdout.isTerminal) {
    throw new Fault('invalid', 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
  }
  await produce((chunk) => stdout.write(chunk));
}
