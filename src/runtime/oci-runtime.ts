/**
 * What starts processes inside containers: an OCI runtime such as crun or runc (runtime-spec, runtime.md), for the bundles
 * that `writeBundle` makes.
 *
 * There are two ways to run a container. `run` is for one that lives and dies with its caller, a step of a build: the
 * runtime is our child, its output comes through pipes, and when the promise settles nothing of the container is left.
 * A container that outlives its caller is made by a monitor (`Monitor`), and `start`, `kill`, `pause`, `resume` and
 * `delete` act on it.
 *
 * An id names one container within `stateDir`: letters, digits, `_`, `-`, `.` and `+`. The state directory is volatile and stands on a file
 * system in memory. Who dies between two calls leaves a directory there and perhaps a process: `list` finds it,
 * `deleteAll` with the dead owner's prefix ends and removes it. Calls for different ids may overlap; those for one id
 * are the caller's to order.
 *
 * Faults: `unavailable` where the runtime is missing (the hint names the package), `cancelled` after an abort, `conflict` for
 * a call that the container's state does not allow, `internal` with the runtime's own words for all else.
 */
export interface OciRuntime {
  /** What it is called: `crun`, `runc`. */
  readonly name: string;
  /** Path of the program. */
  readonly executable: string;
  readonly stateDir: string;

  /** The first line of the program's answer to `--version`. */
  version(): Promise<string>;

  /** Creates, starts, waits for and deletes a container. Its failure to start is an outcome where its command is to blame. */
  run(id: string, options: RunContainerOptions): Promise<ContainerOutcome>;

  /**
   * For a monitor, which creates containers itself: the program and its arguments, up to `create`, for the container of
   * `bundle`. What went wrong tells `creationFailure`.
   */
  creationCommand(bundle: string): readonly string[];

  /** Why there is no container of `bundle`: by what was logged there, or by what the monitor was told. */
  creationFailure(bundle: string, saying: string): CreationFailure;

  /** Lets the command of a created container begin. */
  start(id: string): Promise<void>;

  /** Signals the first process (`TERM`, `SIGTERM` and `15` are one signal); false where none runs any more. */
  kill(id: string, signal: string): Promise<boolean>;

  /** Freezes every process of the container until `resume`. */
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;

  /** Ends the container if it runs and removes its state and control groups. None of that name is no failure. */
  delete(id: string): Promise<void>;

  state(id: string): Promise<ContainerState | undefined>;

  /** The ids that have a state, sorted; starts no process. */
  list(): string[];

  /** `delete` for each id that starts with `prefix`; gives those. */
  deleteAll(prefix: string): Promise<string[]>;
}

export interface RunContainerOptions {
  /** A directory that `writeBundle` filled. */
  readonly bundle: string;
  readonly signal: AbortSignal;
  /** Output as it comes. What a callback throws kills the container and comes out of `run`. */
  readonly onStdout: (chunk: Uint8Array) => void;
  /**
   * Without it both streams are one pipe, read by `onStdout`: all comes as it was written, but for what a command writes to
   * both within the moment that the runtime takes to copy it.
   */
  readonly onStderr?: (chunk: Uint8Array) => void;
  /** Asked after each chunk: no more is read of that stream until the promise settles, and the command has to wait. */
  readonly rest?: () => Promise<void> | undefined;
  /**
   * The command has begun; `pid` is the container's first process. Not called for a command that ended before that
   * could be seen.
   */
  readonly onStarted?: (pid: number) => void;
}

export type ContainerOutcome =
  /** The command ended; 128 + n where signal n killed it. */
  { readonly kind: 'exited'; readonly code: number } | NotStarted;

/** The command never ran: 127, there is none of that name; 126, it cannot be executed. */
export interface NotStarted {
  readonly kind: 'not-started';
  readonly code: 126 | 127;
  readonly message: string;
}

export type CreationFailure = NotStarted | { readonly kind: 'failed'; readonly message: string };

export interface ContainerState {
  readonly id: string;
  readonly status: 'creating' | 'created' | 'running' | 'paused' | 'stopped';
  /** The first process, as the host numbers it; 0 once stopped. */
  readonly pid: number;
  readonly bundle: string;
}
