import { killProcess, processAlive } from '../host/index.ts';
import type { ProcessIdentity } from './container-record.ts';

/** Signals the very process that is meant; false where it has ended. */
export function signalProcess({ pid, startTime }: ProcessIdentity, signal: number): boolean {
  // Node's kill takes every number, its types only the names of some.
  return processAlive(pid, startTime) && killProcess(pid, signal as unknown as NodeJS.Signals);
}
