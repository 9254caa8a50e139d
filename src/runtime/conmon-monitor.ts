import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Fault } from '../errors/index.ts';
import { defaultSearchPath, errnoOf, findExecutable, spawnProcess } from '../host/index.ts';
import { attachToConmon } from './conmon-attachment.ts';
import { readExitCode, waitForExitCode } from './exit-file.ts';
import { attachedPidName, exitRecorder } from './monitor-process.ts';
import type { Attachment, Monitor, MonitorOptions, MonitoredCreation, TerminalSize } from './monitor.ts';

export interface ConmonOptions {
  /** Path of conmon; looked for among the system's programs where it is left out. */
  readonly executable?: string;
}

/** The monitor contract through conmon (2.1 or newer). Fault `unavailable` where it is not installed. */
export function conmonMonitor(options: ConmonOptions = {}): Monitor {
  const executable = options.executable ?? findExecutable('conmon');
  if (executable === undefined || findExecutable(executable) === undefined) {
    throw new Fault('unavailable', `find the container monitor: ${options.executable ?? 'conmon'} is not installed`, {
      hint: 'apt-get install conmon',
    });
  }
  return new ConmonMonitor(executable);
}

class ConmonMonitor implements Monitor {
  readonly #executable: string;

  constructor(executable: string) {
    this.#executable = executable;
  }

  async create(id: string, options: MonitorOptions): Promise<MonitoredCreation> {
    if (options.signal.aborted) throw cancelled(id, options.signal.reason);
    for (const name of ownFiles) rmSync(join(options.bundle, name), { force: true });
    const answer = await this.#start(id, options);
    if (answer.data > 0 && !options.signal.aborted) return { kind: 'created', pid: answer.data };
    await options.runtime.delete(id);
    if (options.signal.aborted) throw cancelled(id, options.signal.reason);
    const failure = options.runtime.creationFailure(options.bundle, answer.message);
    if (failure.kind === 'failed') throw new Fault('internal', `create container ${id}: ${failure.message}`);
    return failure;
  }

  attach(bundle: string): Attachment {
    return attachToConmon(bundle);
  }

  exitCode(bundle: string): number | undefined {
    return readExitCode(bundle);
  }

  wait(bundle: string, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    const recorder = exitRecorder(bundle);
    // Asked anew: with the bundle the code is gone, however long its recorder lives.
    const isAwaited = (): boolean => recorder !== undefined && exitRecorder(bundle)?.startTime === recorder.startTime;
    return waitForExitCode(bundle, { signal, isAwaited });
  }

  /** conmon's control pipe takes lines; 1 is a new size. Without a reader the container has ended. */
  resize(bundle: string, { rows, columns }: TerminalSize): void {
    try {
      const fd = openSync(join(bundle, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        writeSync(fd, `1 ${rows} ${columns}\n`);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (!['ENXIO', 'ENOENT', 'EPIPE'].includes(errnoOf(error) ?? '')) throw error;
    }
  }

  /**
   * Starts conmon. It forks itself off, waits for a byte in the start pipe, has the runtime create the container and
   * answers through the sync pipe: the first process's number, or a negative one and a message.
   */
  async #start(id: string, options: MonitorOptions): Promise<SyncAnswer> {
    const conmon = await spawnProcess(this.#executable, this.#args(id, options), {
      env: { PATH: defaultSearchPath, _OCI_SYNCPIPE: '3', _OCI_STARTPIPE: '4' },
      // Where a container runs out of memory, conmon leaves a file `oom` in its working directory.
      cwd: options.bundle,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      ownGroup: true,
    });
    const sync = conmon.streams.get(3) as Readable;
    const start = conmon.streams.get(4) as Writable;
    start.on('error', ignoreBrokenPipe);
    start.end('x');
    try {
      return parseAnswer(id, await readLine(sync));
    } finally {
      sync.destroy();
      start.destroy();
    }
  }

  #args(id: string, options: MonitorOptions): string[] {
    const { bundle, exitCommand } = options;
    const [runtime = '', ...runtimeArgs] = options.runtime.creationCommand(bundle);
    const [exitProgram, ...exitArgs] = exitCommand;
    const values: string[][] = [
      ['--api-version', '1', '--cid', id, '--cuuid', id, '--name', id],
      ['--runtime', runtime, ...runtimeArgs.flatMap((each) => ['--runtime-arg', each])],
      ['--bundle', bundle, '--full-attach', '--persist-dir', bundle],
      ['--container-pidfile', join(bundle, 'pid'), '--conmon-pidfile', join(bundle, 'conmon.pid')],
      ['--log-path', `k8s-file:${options.logPath}`, '--no-sync-log', '--log-level', 'error'],
      exitProgram === undefined ? [] : ['--exit-command', exitProgram],
      exitArgs.flatMap((each) => ['--exit-command-arg', each]),
    ];
    if (options.terminal) values.push(['--terminal']);
    if (options.stdin) values.push(['--stdin']);
    if (options.keepStdinOpen === true) values.push(['--leave-stdin-open']);
    return values.flat();
  }
}

/** What an earlier life of the same container may have left in its bundle. */
const ownFiles = ['exit', 'attach', 'ctl', 'winsz', 'pid', 'conmon.pid', attachedPidName, 'runtime.log'];

interface SyncAnswer {
  readonly data: number;
  readonly message: string;
}

function parseAnswer(id: string, line: string): SyncAnswer {
  try {
    const answer = JSON.parse(line) as { readonly data?: unknown; readonly message?: unknown };
    if (typeof answer.data === 'number') return { data: answer.data, message: String(answer.message ?? '').trim() };
  } catch {
    // What is not JSON is no answer either.
  }
  throw new Fault('internal', `create container ${id}: its monitor gave no answer${line === '' ? '' : ` but ${line}`}`);
}

async function readLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += (chunk as Buffer).toString('utf8');
    if (text.includes('\n') || text.length > answerLimitChars) break;
  }
  return text.split('\n', 1)[0] ?? '';
}

const answerLimitChars = 64 * 1024;

/** A conmon that refuses its arguments is gone before it reads; the missing answer tells. */
function ignoreBrokenPipe(): void {}

function cancelled(id: string, cause: unknown): Fault {
  return new Fault('cancelled', `create container ${id}: cancelled`, { cause });
}
