import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { errnoOf, nodeFault } from './errno.ts';
import { check, libc } from './libc.ts';
import { withoutMounts } from './mount-view.ts';

/** How a process ended: by its own exit (`code`) or by a signal. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Where a descriptor of a new process leads: to ours, nowhere, to a stream of the handle, or to a descriptor of ours. */
export type Stdio = 'inherit' | 'ignore' | 'pipe' | number;

export interface SpawnOptions {
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Descriptors 0, 1, 2 and further ones in order. Nothing else that is open here reaches the process. */
  readonly stdio: readonly Stdio[];
  /** Makes it the leader of a session and group of its own: no signal of the terminal reaches it, `kill` reaches all of it. */
  readonly ownGroup?: boolean;
  /** Folders that are empty to it, whatever is mounted there (`withoutMounts`); none unless given. */
  readonly hiddenMounts?: readonly string[];
}

/** A running program. It outlives this handle: who drops it without waiting leaves it running. */
export interface Process {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** The piped descriptors from 3 on, by number. */
  readonly streams: ReadonlyMap<number, Readable | Writable>;
  /** Settles when it has ended and its piped output is read to the end or closed. Never rejects. */
  readonly ended: Promise<ExitStatus>;
  /** Sends a signal, with `ownGroup` to the whole group. What has ended already is left alone. */
  kill(signal: NodeJS.Signals): void;
  /** Lets this program end while the process runs. */
  unref(): void;
}

/**
 * Starts the program at `command` (a path, or a name found by `findExecutable` before). Settles when it runs; a program
 * that is missing or may not be run is a Fault.
 */
export async function spawnProcess(command: string, args: readonly string[], options: SpawnOptions): Promise<Process> {
  const { env, stdio, ownGroup = false, cwd, hiddenMounts = [] } = options;
  const settings = { env: { ...env }, stdio: [...stdio], detached: ownGroup, ...(cwd === undefined ? {} : { cwd }) };
  keepDescriptors();
  const start = (): ChildProcess => startChild(command, args, settings);
  const child = hiddenMounts.length === 0 ? start() : withoutMounts(hiddenMounts, start);
  const ended = new Promise<ExitStatus>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  await started(child, command);
  const pid = child.pid ?? 0;
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    streams: furtherStreams(child),
    ended,
    kill: (signal) => killUnlessEnded(child, ownGroup ? -pid : pid, signal),
    unref: () => child.unref(),
  };
}

/** Sends a signal to a process, or to the group `-pid`; false where there is none. */
export function killProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw nodeFault('signal', bytesOf(`process ${pid}`), error);
  }
}

/** What we open is close-on-exec; what whoever started us left open is not (CVE-2024-21626), so it is marked before each start. */
function keepDescriptors(): void {
  check(libc().closeRange(3, 0xffff_ffff, closeRangeCloexec), 'mark descriptors', bytesOf('close-on-exec'));
}

const closeRangeCloexec = 4;

type ChildSettings = Parameters<typeof spawn>[2];

function startChild(command: string, args: readonly string[], settings: ChildSettings): ChildProcess {
  try {
    return spawn(command, args, settings);
  } catch (error) {
    throw nodeFault('start', bytesOf(command), error);
  }
}

function started(child: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => {
      child.removeAllListeners('error');
      child.on('error', ignoreLateError);
      resolve();
    });
    child.once('error', (error) => reject(startFault(command, error)));
  });
}

/** A running child emits 'error' only when a signal could not be sent, and we send them ourselves. */
function ignoreLateError(): void {}

function startFault(command: string, error: Error): Fault {
  const fault = nodeFault('start', bytesOf(command), error);
  if (fault.code !== 'not-found') return fault;
  const hint = 'install the program, or check the working directory';
  return new Fault('not-found', fault.message, { cause: fault.cause, hint });
}

function furtherStreams(child: ChildProcess): ReadonlyMap<number, Readable | Writable> {
  const found = new Map<number, Readable | Writable>();
  for (const [fd, stream] of child.stdio.entries()) {
    if (fd > 2 && stream !== null && stream !== undefined) found.set(fd, stream);
  }
  return found;
}

/** Until its end is known here the number cannot have gone to another process. */
function killUnlessEnded(child: ChildProcess, target: number, signal: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null) killProcess(target, signal);
}
