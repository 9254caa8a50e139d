import { writeWholeFile, type WriteChunk } from '../../host/index.ts';

/** Writes to a file, whole or not at all, or to standard output where `dest` is `-`. */
export function writeOutput(
  dest: string,
  stdout: WriteChunk,
  produce: (write: WriteChunk) => Promise<void>,
): Promise<void> {
  return dest === '-' ? produce(stdout) : writeWholeFile(dest, produce);
}
