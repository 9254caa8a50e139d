import type { ByteString } from '../std/index.ts';
import type { TransferEvent } from './images.ts';

/**
 * The use cases about containers. A container is an image's read-only layers, a writable layer of its own, and a
 * process. A container is named by its name, its ID or an unambiguous prefix of the ID; what names none is a
 * `not-found` Fault ("no such container: NAME").
 *
 * Life cycle: `create` makes the writable layer and the bundle (state `created`); `start` mounts and runs it
 * (`running`); when its process ends, the exit code is recorded and the root filesystem unmounted (`exited`); `remove`
 * discards the writable layer. The image below never changes.
 */
export interface Containers {
  /** Fault `not-found` (image), `conflict` (name in use), `invalid` (options). */
  create(options: ContainerOptions): Promise<ContainerCreated>;

  /**
   * Starts it. With `attach` the returned session carries its streams until it ends; without, it runs on after this
   * process is gone. Fault `conflict` if it runs already; a Fault of the runtime carries Docker's exit code (125 the
   * engine failed, 126 the command cannot be run, 127 it was not found) as `exitCode`.
   */
  start(name: string, options: StartOptions): Promise<ContainerSession>;

  /** Waits until it has ended and gives its exit code. */
  wait(name: string, options: { readonly signal: AbortSignal }): Promise<number>;

  /** SIGTERM (or the image's STOPSIGNAL), then SIGKILL after the time-out. No error if it does not run. */
  stop(name: string, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<void>;

  /** Sends a signal to its first process. Fault `conflict` if it does not run. */
  kill(name: string, signalName: string): void;

  /** Fault `conflict` if it runs and `force` is false. Discards its writable layer and its log, nothing of its image. */
  remove(name: string, options: RemoveOptions): Promise<void>;

  /**
   * The call of the monitor when the process of the container with this ID has ended: records the exit code, unmounts,
   * and removes what shall be removed. Nothing happens where that is done already.
   */
  containerEnded(id: string): Promise<void>;

  /** Newest first. */
  list(options: { readonly all: boolean }): readonly ContainerSummary[];

  /** Docker's `container inspect` shape. */
  inspect(name: string): ContainerInspect;

  logs(name: string, options: LogsOptions): AsyncIterable<LogLine>;

  /** The whole tree as a tar, in pieces. */
  exportTree(name: string, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>;

  /** What its writable layer changed, sorted by path: A added, C changed, D deleted, as Docker lists it. */
  diff(name: string): readonly ContainerChange[];

  /** A new image with one more layer, from a running or stopped container. */
  commit(name: string, options: CommitOptions): Promise<{ readonly imageId: string }>;
}

export interface ContainerOptions {
  readonly image: string;
  readonly command: readonly string[];
  readonly name?: string;
  readonly entrypoint?: readonly string[];
  /** `NAME=VALUE`. */
  readonly env: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly volumes: readonly string[];
  readonly network: 'host' | 'none';
  readonly hostname?: string;
  readonly readOnly: boolean;
  readonly tty: boolean;
  /** Keep stdin open. */
  readonly interactive: boolean;
  /** Remove the container when it has ended. */
  readonly autoRemove: boolean;
  readonly init: boolean;
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly pidsLimit?: number;
  readonly stopSignal?: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Fetch the image first: always, only where it is missing, or never. */
  readonly pull: 'always' | 'missing' | 'never';
  /** False: the registry need not prove who it is, and may be spoken to without TLS. Default true. */
  readonly tlsVerify?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (event: TransferEvent) => void;
}

export interface ContainerCreated {
  readonly id: string;
  readonly name: string;
  readonly warnings: readonly string[];
}

export interface StartOptions {
  readonly attach: boolean;
  /** Of a container with a terminal: how large it is when the command begins. */
  readonly terminalSize?: TerminalSize;
  readonly signal: AbortSignal;
}

export interface RemoveOptions {
  /** Kills it if it runs. */
  readonly force: boolean;
  /** Also the volumes that were made for it alone. Those of a container that removes itself go in any case. */
  readonly volumes?: boolean;
}

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ContainerSession {
  /** stdout and stderr as they come; with a terminal all is stdout. Undefined when not attached. */
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }> | undefined;
  /** Writes to its stdin. */
  write(bytes: Uint8Array): Promise<void>;
  /** Its stdin ends. */
  closeInput(): void;
  resize(size: TerminalSize): void;
  /** Signals its first process; nothing happens where it has ended. */
  kill(signalName: string): void;
  /** The exit code, once it has ended. */
  wait(): Promise<number>;
}

export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly command: string;
  /** RFC 3339. */
  readonly created: string;
  readonly state: 'created' | 'running' | 'exited' | 'dead';
  /** `Up 2 minutes`, `Exited (1) 5 seconds ago`. */
  readonly status: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** Docker's JSON for a container (Engine API v1.47, ContainerInspect). */
export type ContainerInspect = Readonly<Record<string, unknown>>;

export interface LogsOptions {
  readonly follow: boolean;
  /** The last N lines only. */
  readonly tail?: number;
  readonly sinceMs?: number;
  readonly signal: AbortSignal;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  /** With its newline, where it had one. */
  readonly bytes: Uint8Array;
}

export interface ContainerChange {
  readonly kind: 'A' | 'C' | 'D';
  readonly path: ByteString;
}

export interface CommitOptions {
  /** Name of the new image. */
  readonly name?: string;
  readonly author?: string;
  readonly message?: string;
  /** Dockerfile instructions that change the config. */
  readonly changes: readonly string[];
  /** Freeze the container meanwhile; default true. */
  readonly pause: boolean;
  readonly signal: AbortSignal;
}
