import { rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { readPid } from './monitor-process.ts';
import type { RunContainerOptions } from './oci-runtime.ts';

export interface StartWatch extends Disposable {
  /** What the runtime has to be told. */
  readonly args: readonly string[];
}

/** The runtime writes the number of the first process into a file once the command has begun. */
export function watchStart({ bundle, onStarted }: RunContainerOptions): StartWatch {
  if (onStarted === undefined) return { args: [], [Symbol.dispose]: () => undefined };
  const path = join(bundle, 'pid');
  rmSync(path, { force: true });
  const watcher = watch(bundle, (_, name) => {
    const pid = name === 'pid' ? readPid(path) : undefined;
    if (pid === undefined) return;
    watcher.close();
    onStarted(pid);
  });
  return { args: ['--pid-file', path], [Symbol.dispose]: () => watcher.close() };
}
