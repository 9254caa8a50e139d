import { statSync } from 'node:fs';
import { join } from 'node:path';
import { bootId, processAlive } from '../host/index.ts';
import type { Monitor } from '../runtime/index.ts';
import type { ContainerLife, ProcessIdentity, RunningLife } from './container-record.ts';

/**
 * What has become of a container, by the processes that were noted when it was started. One whose end nobody wrote down
 * (the machine was restarted, its monitor was killed) has exited: with the code that its monitor left, or 255.
 */
export function observeLife(
  life: ContainerLife,
  options: { readonly bundle: string; readonly monitor: () => Monitor; readonly nowMs: number },
): ContainerLife {
  if (life.kind !== 'running') return life;
  // In this order: the monitor may write the code and end between the two looks.
  const mayWrite = isAnyAlive(life);
  const exitCode = life.bootId === bootId() ? options.monitor().exitCode(options.bundle) : undefined;
  if (exitCode === undefined && mayWrite) return life;
  const endMs = exitCode === undefined ? options.nowMs : statSync(join(options.bundle, 'exit')).mtimeMs;
  return {
    kind: 'exited',
    startedAt: life.startedAt,
    finishedAt: new Date(endMs).toISOString(),
    exitCode: exitCode ?? lostExitCode,
  };
}

/** What Docker, too, gives a container whose end it has missed. */
const lostExitCode = 255;

/** The monitor outlives the container until it has written down how that ended. */
function isAnyAlive({ bootId: boot, process, monitor }: RunningLife): boolean {
  return boot === bootId() && (isAlive(process) || (monitor !== undefined && isAlive(monitor)));
}

function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return processAlive(pid, startTime);
}
