import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Fault } from '../../errors/index.ts';
import { once } from '../../std/index.ts';
import type { BuildContext, ContextPorts } from './build-context.ts';
import type { BuildOptions } from '../build-options.ts';
import { openContext, readIgnoreRules } from './context-tree.ts';
import { foreignDockerfile, localDockerfile } from './find-dockerfile.ts';

export interface DirectoryContextOptions {
  readonly ports: ContextPorts;
  readonly signal: AbortSignal;
}

/** A directory of this machine. Its Dockerfile may be anywhere, or come as a stream. */
export async function openDirectoryContext(
  path: string,
  file: BuildOptions['file'],
  { ports, signal }: DirectoryContextOptions,
): Promise<BuildContext> {
  const dir = resolve(path);
  requireDirectory(path);
  const foreign = await foreignDockerfile(file, { ports, signal, beside: dir });
  const dockerfile = foreign ?? localDockerfile(dir, typeof file === 'string' ? file : undefined);
  const rulesOf = { dir, ...(foreign === undefined ? { dockerfile: dockerfile.identity } : {}) };
  const stack = new DisposableStack();
  const opened = once(() => stack.use(openContext(rulesOf)));
  return {
    dockerfile,
    files: async () => opened().source(ports),
    ignoreRules: () => readIgnoreRules(rulesOf),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/** Fault unless it is there and a directory; `what` is it for. */
export function requireDirectory(path: string, what = 'the context'): void {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isDirectory() === true) return;
  const problem = status === undefined ? 'no such file or directory' : 'not a directory';
  throw new Fault(status === undefined ? 'not-found' : 'invalid', `open ${what} ${path}: ${problem}`, {
    hint: 'it has to be the folder that COPY and ADD take files from',
  });
}
