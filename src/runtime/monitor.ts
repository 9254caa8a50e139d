import type { NotStarted, OciRuntime } from './oci-runtime.ts';

/**
 * What stands by a container that outlives the command which started it: one small process for each, which holds its
 * terminal or its pipes, writes its log, lets people attach, and at its end writes down the exit code and runs a
 * command that tidies up.
 *
 * Life of a container under a monitor: `create` (the container exists, its command waits) → `attach` by whoever wants
 * every byte from the first on → `OciRuntime.start` → it ends: the log is complete, attached readers see the end, then the exit
 * file stands, then the exit command runs → `OciRuntime.delete`, by the exit command or by whoever waited. The monitor
 * and the container are no children of ours and live on when we die; what they are is found by `OciRuntime.list`.
 */
export interface Monitor {
  /**
   * Creates a container, whose command begins with `OciRuntime.start`. A command that cannot be run is an outcome; Fault `unavailable` where
   * the monitor is missing, `cancelled` after an abort, `internal` for what the runtime refuses. After each of these
   * nothing is left but files in `bundle`.
   */
  create(id: string, options: MonitorOptions): Promise<MonitoredCreation>;

  /** Connects to a created or running container. Several may be attached; each gets all output from then on. */
  attach(bundle: string): Attachment;

  /** The recorded exit code, or undefined while there is none. */
  exitCode(bundle: string): number | undefined;

  /**
   * Waits for the exit code. Fault `internal` where the monitor died without leaving one, `cancelled` after an abort,
   * which leaves the container as it is.
   */
  wait(bundle: string, options: { readonly signal: AbortSignal }): Promise<number>;

  /** Tells a terminal's programs its size. Nothing happens where the container has ended. */
  resize(bundle: string, size: TerminalSize): void;
}

export interface MonitorOptions {
  /** A directory that `writeBundle` filled; the monitor's socket, its process number and the exit code stand there too. */
  readonly bundle: string;
  /** What it creates the container with. */
  readonly runtime: OciRuntime;
  readonly logPath: string;
  /** As in the bundle's `config.json`. */
  readonly terminal: boolean;
  /** Gives the container an input that attached writers feed; otherwise it reads nothing. */
  readonly stdin: boolean;
  /** The input stays open when a writer ends it or goes away. */
  readonly keepStdinOpen?: boolean;
  /** Program and arguments, run with an empty environment once the container has ended; none where it is empty. */
  readonly exitCommand: readonly string[];
  readonly signal: AbortSignal;
}

export type MonitoredCreation =
  | { readonly kind: 'created'; /** The container's first process. */ readonly pid: number }
  | NotStarted;

/** A connection to a container's streams. */
export interface Attachment extends AsyncDisposable {
  /** The next piece of output, undefined at its end or after `close`; of a terminal all is stdout. One read at a time. */
  read(): Promise<AttachedOutput | undefined>;
  /** Feeds the input; settles when the monitor has taken it. Fault `unavailable` where the container has ended. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the input (unless `keepStdinOpen`, or a terminal). Output goes on. */
  endInput(): Promise<void>;
  /** Leaves; the container runs on. */
  close(): Promise<void>;
}

export interface AttachedOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}
