import type { NotStarted } from './oci-runtime.ts';
import { lastTextError } from './runtime-log.ts';
import type { RuntimeProgram } from './runtime-program.ts';

/**
 * crun 1.8 or newer. Its log is text: of a command that the kernel refuses to execute it writes to the container's standard
 * error, and in the form of its log.
 */
export const crun: RuntimeProgram = {
  name: 'crun',
  logFormat: 'text',
  lastError: lastTextError,
  runFailure: (error) => error,
  commandFailure,
  isMissing: /^(error opening file|cannot open directory) .*: No such file or directory$/,
  isOver: /No such process|is not running|^(error opening file|cannot open directory) .*: No such file or directory$/,
  isConflict: /is not running|already exists|exec\.fifo.*: No such file or directory|is not paused|already running/,
  keepsConfig: true,
  obstacle: ({ kind }) => (kind === 'none' ? 'it takes control groups, and none are mounted' : undefined),
  hiddenMounts: (layout) => (layout.kind === 'hybrid' && layout.unified === unifiedBesides ? [unifiedBesides] : []),
};

/** Where it looks for a unified tree beside separate ones. If that has a controller, as many do, crun runs nothing. */
const unifiedBesides = '/sys/fs/cgroup/unified';

function commandFailure(error: string, command: string): NotStarted | undefined {
  const quoted = JSON.stringify(command);
  if (/^executable file .* not found in \$PATH/s.test(error)) {
    const reason = command.includes('/')
      ? `stat ${command}: no such file or directory`
      : 'executable file not found in $PATH';
    return { kind: 'not-started', code: 127, message: `${quoted}: ${reason}` };
  }
  const reason = refusals.exec(error)?.[1];
  if (reason === undefined) return undefined;
  return { kind: 'not-started', code: 126, message: `${quoted}: ${shown.get(reason) ?? reason.toLowerCase()}` };
}

const refusals =
  /^(?:open executable|exec container process .*): (Operation not permitted|Permission denied|Is a directory|Not a directory|Exec format error)$/s;

/** It will not execute what is no file. */
const shown: ReadonlyMap<string, string> = new Map([['Operation not permitted', 'permission denied']]);
