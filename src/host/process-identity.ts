import { readFileSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { errnoOf, faulting, nodeFault } from './errno.ts';

/**
 * When a process started, in clock ticks since boot: with the boot's id and its number it names one process for good,
 * as numbers alone are given out again. Undefined where no such process runs; one that has ended and only waits to be
 * reaped does not run.
 */
export function processStartTime(pid: number): string | undefined {
  const stat = readStat(pid);
  if (stat === undefined) return undefined;
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

/** Whether the very process that had this number and start time still runs. */
export function processAlive(pid: number, startTime: string): boolean {
  return processStartTime(pid) === startTime;
}

/** This boot's own id: what was recorded under another one did not survive in memory. */
export function bootId(): string {
  const path = '/proc/sys/kernel/random/boot_id';
  return faulting('read', bytesOf(path), () => readFileSync(path, 'latin1')).trim();
}

function readStat(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0)
    throw new Fault('invalid', `look for process ${pid}: not a process number`);
  const path = `/proc/${pid}/stat`;
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ESRCH') return undefined;
    throw nodeFault('read', bytesOf(path), error);
  }
}
