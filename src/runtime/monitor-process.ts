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

/** Whoever will write down the exit code of the container of `bundle`: its monitor, or the program that it is attached to. */
export function exitRecorder(bundle: string): { readonly pid: number; readonly startTime: string } | undefined {
  const pid = readPid(join(bundle, attachedPidName));
  const startTime = pid === undefined ? undefined : processStartTime(pid);
  return pid === undefined || startTime === undefined ? monitorProcess(bundle) : { pid, startTime };
}

/** Holds the number of the program that a container is attached to which has no monitor. */
export const attachedPidName = 'attached.pid';

export function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'latin1').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
