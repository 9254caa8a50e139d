import type { Readable, Writable } from 'node:stream';
import { Fault } from '../errors/index.ts';
import { errnoOf } from './errno.ts';
import { spawnProcess } from './process.ts';
import type { ExitStatus, Process } from './process.ts';

export interface RunOptions {
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** As of `spawnProcess`. */
  readonly hiddenMounts?: readonly string[];
  /** What the program reads; nothing unless given. */
  readonly stdin?: Uint8Array;
  /** Given each piece of output as it comes; that stream is then not collected. */
  readonly onStdout?: (chunk: Uint8Array) => void;
  readonly onStderr?: (chunk: Uint8Array) => void;
  /** How much of each collected stream is kept; more is `exhausted` and ends the program. 16 MiB unless given. */
  readonly maxOutputBytes?: number;
  /** How long it may take; then it is ended and the Fault is `unavailable`. */
  readonly timeoutMs?: number;
  /** Ends the program; the Fault is `cancelled`. */
  readonly signal?: AbortSignal;
}

export interface RunResult extends ExitStatus {
  /** What was collected; empty where a callback took it. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Runs a program to its end, in a process group of its own. What it exits with is a result, not a failure. Ending it
 * means SIGTERM to the group, SIGKILL after five seconds, and waiting: when `run` settles, the program is gone.
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  if (options.signal?.aborted === true) throw cancelledFault(command, options.signal.reason);
  const { env, cwd, hiddenMounts = [] } = options;
  const stdin = options.stdin === undefined ? 'ignore' : 'pipe';
  const where = cwd === undefined ? {} : { cwd };
  const settings = { env, stdio: [stdin, 'pipe', 'pipe'], ownGroup: true, hiddenMounts, ...where } as const;
  const child = await spawnProcess(command, args, settings);
  const ending = new Ending(child);
  const stopWatching = watch(command, options, ending);
  const maxBytes = options.maxOutputBytes ?? defaultMaxOutputBytes;
  const tooMuch = (): void =>
    ending.because(new Fault('exhausted', `run ${command}: it wrote more than ${maxBytes} bytes`));
  const stdout = collect(child.stdout, { onChunk: options.onStdout, maxBytes, tooMuch, ending });
  const stderr = collect(child.stderr, { onChunk: options.onStderr, maxBytes, tooMuch, ending });
  feed(child.stdin, options.stdin, ending);
  const status = await child.ended.finally(stopWatching);
  if (ending.reason !== undefined) throw ending.reason;
  return { ...status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}

const defaultMaxOutputBytes = 16 * 1024 * 1024;
const graceMs = 5000;

/** Why and how far a program is being ended before its time. */
class Ending {
  reason: unknown;
  #killTimer: NodeJS.Timeout | undefined;
  readonly #child: Process;

  constructor(child: Process) {
    this.#child = child;
    void child.ended.then(() => clearTimeout(this.#killTimer));
  }

  because(reason: unknown): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.#child.kill('SIGTERM');
    this.#killTimer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
  }
}

function watch(command: string, options: RunOptions, ending: Ending): () => void {
  const { signal, timeoutMs } = options;
  const cancel = (): void => ending.because(cancelledFault(command, signal?.reason));
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();
  const expire = (): void =>
    ending.because(new Fault('unavailable', `run ${command}: it took longer than ${timeoutMs} ms`));
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  };
}

interface Collecting {
  readonly onChunk: ((chunk: Uint8Array) => void) | undefined;
  readonly maxBytes: number;
  readonly tooMuch: () => void;
  readonly ending: Ending;
}

function collect(stream: Readable | null, { onChunk, maxBytes, tooMuch, ending }: Collecting): Buffer[] {
  const kept: Buffer[] = [];
  let size = 0;
  stream?.on('error', (error) => ending.because(error));
  stream?.on('data', (chunk: Buffer) => {
    if (onChunk !== undefined) return callBack(onChunk, chunk, ending);
    size += chunk.length;
    if (size > maxBytes) tooMuch();
    else kept.push(chunk);
  });
  return kept;
}

/** What a callback throws ends the program and comes out of `run`. */
function callBack(onChunk: (chunk: Uint8Array) => void, chunk: Buffer, ending: Ending): void {
  try {
    onChunk(chunk);
  } catch (error) {
    ending.because(error);
  }
}

/** A program need not read all that it is given. */
function feed(stdin: Writable | null, content: Uint8Array | undefined, ending: Ending): void {
  stdin?.on('error', (error) => {
    if (errnoOf(error) !== 'EPIPE') ending.because(error);
  });
  stdin?.end(content);
}

function cancelledFault(command: string, cause: unknown): Fault {
  return new Fault('cancelled', `run ${command}: cancelled`, { cause });
}
