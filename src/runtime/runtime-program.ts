import type { CgroupLayout } from '../host/index.ts';
import type { NotStarted } from './oci-runtime.ts';

/**
 * What tells one program that runs OCI bundles from another. They take the same commands and flags (`run`, `create`,
 * `start`, `kill`, `delete`, `pause`, `resume`, `state`; `--root`, `--log`, `--log-format`) and keep a folder for each
 * container in their state directory; what differs is where they work and how their errors read.
 */
export interface RuntimeProgram {
  /** The name of the program, and of the Debian package that has it. */
  readonly name: 'crun' | 'runc';
  readonly logFormat: 'json' | 'text';
  /** The last error in what it logged; undefined where there is none. */
  readonly lastError: (log: string) => string | undefined;
  /** What an error that it logged says of why `run` ran nothing; undefined for one that came after the command's end. */
  readonly runFailure: (error: string) => string | undefined;
  /** Whether the command (its first word is given) is to blame for an error: in Docker's words, with Docker's code. */
  readonly commandFailure: (error: string, command: string) => NotStarted | undefined;
  /** There is no container of that name. */
  readonly isMissing: RegExp;
  /** None of its processes runs any more. */
  readonly isOver: RegExp;
  /** The state of the container does not allow the call. */
  readonly isConflict: RegExp;
  /** Copies `config.json` into its state directory. */
  readonly keepsConfig: boolean;
  /** Why it runs no containers on a machine with these control groups; undefined where it does. */
  readonly obstacle: (layout: CgroupLayout) => string | undefined;
  /** Places where it must not see what is mounted, on a machine with these control groups. */
  readonly hiddenMounts: (layout: CgroupLayout) => readonly string[];
}
