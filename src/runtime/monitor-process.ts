import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStartTime } from '../host/index.ts';

/**
 * The monitor that stands by the container of `bundle`, by number and start time; undefined where none runs. Who notes
 * this at the start can later tell whether there is still somebody who will write down the exit code.
 */
export function monitorProcess(bundle: string): { readonly pid: number; readonly startTime: string } | undefined {
  const pid = readPid(join(bundle, 'conmon.pid'));
  const startTime = pid === undefined ? undefined : processStartTime(pid);
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime };
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'latin1').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
