import type { ContextEntry } from '../build/index.ts';
import type { ByteString } from '../std/index.ts';

export interface ContextListOptions {
  /** The directory that would be built. */
  readonly dir: string;
  /** The Dockerfile, which may have an ignore file of its own; that of the directory unless given. */
  readonly file?: string;
  /** What is left out, instead of what is in the context. */
  readonly ignored: boolean;
}

/** A file or folder of a build context, or one that was left out of it. */
export interface ContextRow {
  /** Relative to the directory. Of a folder that is left out with all that is in it, with a slash behind it. */
  readonly path: ByteString;
  readonly type: 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';
  /** Of a file; 0 for all else. */
  readonly sizeBytes: number;
  /** The line of the ignore file that decided it; undefined where none did. */
  readonly rule: ContextRule | undefined;
}

export interface ContextRule {
  /** `.dockerignore`, relative to the directory, or an absolute path. */
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
  /** The line as written. */
  readonly text: string;
}

/** In batches, as the directory is walked: no more than one is ever held, and there is at least one. */
export async function* listContext({
  dir,
  file,
  ignored,
}: ContextListOptions): AsyncGenerator<readonly ContextRow[], void, undefined> {
  // The builder is loaded by those who build.
  const { openContextContents } = await import('../build/index.ts');
  using contents = openContextContents(dir, file);
  let batch: ContextRow[] = [];
  for (const entry of contents.entries()) {
    if (entry.isIgnored !== ignored) continue;
    batch.push(rowOf(entry, contents.ignoreFile));
    if (batch.length < batchRows) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

const batchRows = 1000;

function rowOf({ path, type, sizeBytes, isIgnored, isPruned, rule }: ContextEntry, file: string): ContextRow {
  const shown = (isIgnored && isPruned ? `${path}/` : path) as ByteString;
  return { path: shown, type, sizeBytes, rule: rule && { file, line: rule.line, text: rule.text } };
}
