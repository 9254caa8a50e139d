import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatLogChunk } from './container-log.ts';
import { writeExitCode } from './exit-file.ts';
import type { AttachedOutput, Attachment } from './monitor.ts';
import { attachedPidName } from './monitor-process.ts';
import type { ContainerOutcome, NotStarted, OciRuntime } from './oci-runtime.ts';
import { OutputQueue } from './output-queue.ts';

export interface AttachedRunOptions {
  /** A directory that `writeBundle` filled. */
  readonly bundle: string;
  readonly logPath: string;
  /** Ends the container as long as it has not begun; what has runs to its end. */
  readonly signal: AbortSignal;
  /** For the times in the log: milliseconds since 1970. */
  readonly now: () => number;
}

export type AttachedStart = AttachedContainer | NotStarted;

export interface AttachedContainer {
  readonly kind: 'started';
  /** The first process; undefined where it ended before it was seen. */
  readonly pid: number | undefined;
  /** All output from the first byte on. There is no input. */
  readonly attachment: Attachment;
  /** Its exit code, once that is written down. Rejects where the runtime failed after the start. */
  readonly ended: Promise<number>;
}

/**
 * Runs a container with this process in the place of a monitor: log, exit code and output are as a monitor has them, in
 * a fraction of its time. The difference is what becomes of them when this process dies: the container runs on until it
 * writes, its log ends there, and how it ends nobody knows.
 *
 * Settles when the command has begun, or could not. Faults as of `OciRuntime.run`; nothing of the container runs then.
 */
export async function runAttached(
  runtime: OciRuntime,
  id: string,
  options: AttachedRunOptions,
): Promise<AttachedStart> {
  const { bundle, signal } = options;
  rmSync(join(bundle, 'exit'), { force: true });
  writeFileSync(join(bundle, attachedPidName), String(process.pid), { mode: 0o600 });
  const begun = Promise.withResolvers<number>();
  const starting = new AbortController();
  const abort = (): void => starting.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const attachment = new OutputQueue();
  const running = run(runtime, id, { ...options, signal: starting.signal, attachment, onStarted: begun.resolve });
  try {
    const first = await Promise.race([begun.promise, running]);
    if (starting.signal.aborted) await running;
    if (typeof first === 'object' && first.kind === 'not-started') return first;
    const pid = typeof first === 'object' ? undefined : first;
    const ended = running.then(({ code }) => code);
    ended.catch(leftToWhoWaits);
    return { kind: 'started', pid, attachment, ended };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

interface Running extends AttachedRunOptions {
  readonly attachment: OutputQueue;
  readonly onStarted: (pid: number) => void;
}

/** Whoever waits finds the code, also where the runtime fails. */
async function run(runtime: OciRuntime, id: string, options: Running): Promise<ContainerOutcome> {
  const { bundle, logPath, signal, attachment, onStarted, now } = options;
  const log = openSync(logPath, 'a', 0o600);
  const take = (output: AttachedOutput): void => {
    writeFileSync(log, formatLogChunk(output, now()));
    attachment.push(output);
  };
  let code = lostExitCode;
  try {
    const outcome = await runtime.run(id, {
      bundle,
      signal,
      onStarted,
      rest: () => attachment.room(),
      onStdout: (bytes) => take({ stream: 'stdout', bytes }),
      onStderr: (bytes) => take({ stream: 'stderr', bytes }),
    });
    ({ code } = outcome);
    return outcome;
  } finally {
    closeSync(log);
    writeExitCode(bundle, code);
    attachment.end();
  }
}

/** Nobody need wait. */
function leftToWhoWaits(): void {}

const lostExitCode = 255;
