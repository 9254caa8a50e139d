import { lastJsonError } from './runtime-log.ts';
import type { NotStarted } from './oci-runtime.ts';
import type { RuntimeProgram } from './runtime-program.ts';

/** runc 1.1 or newer. */
export const runc: RuntimeProgram = {
  name: 'runc',
  logFormat: 'json',
  lastError: lastJsonError,
  runFailure: (error) => (error.startsWith(runFailed) ? error.slice(runFailed.length) : undefined),
  commandFailure,
  isMissing: /does not exist/,
  isOver: /not running|does not exist|already finished/,
  isConflict: /cannot (start|pause|resume)|not paused|not running|already running/,
  keepsConfig: false,
  obstacle: () => undefined,
  hiddenMounts: () => [],
};

const runFailed = 'runc run failed: ';

/**
 * By the words that Docker looks for too. Only what stands after `exec: "<command>": ` counts: a missing mount source is
 * no missing command.
 */
function commandFailure(error: string): NotStarted | undefined {
  const reason = /exec: ("(?:[^"\\]|\\.)*": .*)$/s.exec(error)?.[1];
  if (reason === undefined) return undefined;
  if (/executable file not found|no such file or directory/.test(reason)) {
    return { kind: 'not-started', code: 127, message: reason };
  }
  if (/permission denied|is a directory|exec format error|not a directory/.test(reason)) {
    return { kind: 'not-started', code: 126, message: reason };
  }
  return undefined;
}
