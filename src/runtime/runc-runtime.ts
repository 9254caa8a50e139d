import { existsSync, mkdirSync, readdirSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { defaultSearchPath, findExecutable, run, spawnProcess } from '../host/index.ts';
import type { Process } from '../host/index.ts';
import type { ContainerOutcome, ContainerState, OciRuntime, RunContainerOptions } from './oci-runtime.ts';
import { readPid } from './monitor-process.ts';
import { openOutputPipe } from './output-pipe.ts';
import { commandFailure, lastLoggedError } from './runtime-log.ts';

export interface RuncOptions {
  /** Path of runc; looked for among the system's programs where it is left out. */
  readonly executable?: string;
  /** Where runc keeps the state of running containers; made (mode 0700) if missing. */
  readonly stateDir: string;
}

/** The runtime contract through runc (1.1 or newer). Fault `unavailable` where it is not installed. */
export function runcRuntime(options: RuncOptions): OciRuntime {
  const executable = options.executable ?? findExecutable('runc');
  if (executable === undefined || findExecutable(executable) === undefined) {
    throw new Fault('unavailable', `find the container runtime: ${options.executable ?? 'runc'} is not installed`, {
      hint: 'apt-get install runc',
    });
  }
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  return new RuncRuntime(executable, options.stateDir);
}

class RuncRuntime implements OciRuntime {
  readonly executable: string;
  readonly stateDir: string;

  constructor(executable: string, stateDir: string) {
    this.executable = executable;
    this.stateDir = stateDir;
  }

  async version(): Promise<string> {
    return (await this.#call(['--version'])).split('\n', 1)[0] ?? '';
  }

  async run(id: string, options: RunContainerOptions): Promise<ContainerOutcome> {
    checkId(id);
    if (options.signal.aborted) throw cancelled(id, options.signal.reason);
    const log = join(options.bundle, 'runtime.log');
    const end = await this.#runChild(id, log, options);
    if (this.#exists(id)) await this.delete(id);
    if (end.broken !== undefined) throw end.broken.reason;
    if (end.signal !== null) throw new Fault('internal', `run container ${id}: the runtime was ended by ${end.signal}`);
    const error = end.code === 0 ? undefined : lastLoggedError(log);
    if (error?.startsWith('runc run failed: ') !== true) return { kind: 'exited', code: end.code ?? 0 };
    const failure = commandFailure(error);
    if (failure === undefined)
      throw new Fault('internal', `run container ${id}: ${error.slice('runc run failed: '.length)}`);
    return failure;
  }

  async start(id: string): Promise<void> {
    await this.#call(['start', checkId(id)]);
  }

  async kill(id: string, signal: string): Promise<boolean> {
    const result = await this.#try(['kill', checkId(id), signal]);
    if (result.code === 0) return true;
    if (/not running|does not exist|already finished/.test(result.error)) return false;
    throw new Fault('internal', `signal container ${id} with ${signal}: ${result.error}`);
  }

  async pause(id: string): Promise<void> {
    await this.#call(['pause', checkId(id)]);
  }

  async resume(id: string): Promise<void> {
    await this.#call(['resume', checkId(id)]);
  }

  async delete(id: string): Promise<void> {
    await this.#call(['delete', '--force', checkId(id)]);
  }

  async state(id: string): Promise<ContainerState | undefined> {
    if (!this.#exists(checkId(id))) return undefined;
    const result = await this.#try(['state', id]);
    if (result.code !== 0 && /does not exist/.test(result.error)) return undefined;
    if (result.code !== 0) throw new Fault('internal', `look at container ${id}: ${result.error}`);
    return parseState(id, result.output);
  }

  list(): string[] {
    return readdirSync(this.stateDir)
      .filter((name) => idPattern.test(name))
      .toSorted();
  }

  async deleteAll(prefix: string): Promise<string[]> {
    const ids = this.list().filter((id) => id.startsWith(prefix));
    for (const id of ids) await this.delete(id);
    return ids;
  }

  #exists(id: string): boolean {
    return existsSync(join(this.stateDir, id));
  }

  /** Runs `runc run` to its end, with the container's output passed on to its last byte. */
  async #runChild(id: string, log: string, options: RunContainerOptions): Promise<ChildEnd> {
    const breaking = new Breaking();
    const pipe = (name: string, pass: (chunk: Uint8Array) => void) =>
      openOutputPipe(options.bundle, name, {
        onChunk: (chunk) => breaking.guard(() => pass(chunk)),
        rest: options.rest,
      });
    const stdout = pipe('stdout', options.onStdout);
    const pipes = [stdout, options.onStderr === undefined ? stdout : pipe('stderr', options.onStderr)] as const;
    const abort = (): void => breaking.because(cancelled(id, options.signal.reason));
    options.signal.addEventListener('abort', abort, { once: true });
    using start = watchStart(options);
    try {
      const args = ['--log', log, '--log-format', 'json', 'run', ...start.args, '--bundle', options.bundle, id];
      const stdio = ['ignore', pipes[0].writer, pipes[1].writer] as const;
      const child = await spawnProcess(this.executable, this.#args(args), { env, stdio, ownGroup: true });
      for (const each of pipes) each.closeWriter();
      const stopped = breaking.happened.then(() => this.#stop(id, child));
      const status = await child.ended;
      if (breaking.broken !== undefined) await stopped;
      if (status.signal !== null) await this.delete(id);
      await Promise.all(pipes.map((each) => each.drained));
      return { ...status, broken: breaking.broken };
    } catch (error) {
      for (const each of pipes) each.abandon();
      throw error;
    } finally {
      for (const each of pipes) each.closeWriter();
      options.signal.removeEventListener('abort', abort);
    }
  }

  /** Kills the container, again and again while it is only coming up, and at last the runtime itself. */
  async #stop(id: string, child: Process): Promise<void> {
    const ended = child.ended.then(() => true);
    for (let tries = 0; tries < stopTries; tries += 1) {
      await this.#try(['kill', id, 'KILL']).catch(tryAgain);
      if (await Promise.race([ended, delay(stopPauseMs, false)])) return;
    }
    child.kill('SIGKILL');
    await ended;
  }

  async #call(args: readonly string[]): Promise<string> {
    const result = await this.#try(args);
    if (result.code === 0) return result.output;
    const what = `${args[0]} container ${args.at(-1)}`;
    if (/does not exist/.test(result.error)) throw new Fault('not-found', `${what}: ${result.error}`);
    if (/cannot (start|pause|resume)|not paused|not running|already running/.test(result.error)) {
      throw new Fault('conflict', `${what}: ${result.error}`);
    }
    const failure = commandFailure(result.error);
    throw new Fault('internal', `${what}: ${failure?.message ?? result.error}`);
  }

  async #try(
    args: readonly string[],
  ): Promise<{ readonly code: number; readonly output: string; readonly error: string }> {
    const result = await run(this.executable, this.#args(args), { env, timeoutMs: callTimeoutMs });
    const lines = result.stderr.toString('utf8').trim().split('\n');
    return { code: result.code ?? -1, output: result.stdout.toString('utf8'), error: lines.at(-1) ?? '' };
  }

  #args(args: readonly string[]): string[] {
    return ['--root', this.stateDir, ...args];
  }
}

interface StartWatch extends Disposable {
  readonly args: readonly string[];
}

/** The runtime writes the number of the first process into a file once the command has begun. */
function watchStart({ bundle, onStarted }: RunContainerOptions): StartWatch {
  if (onStarted === undefined) return { args: [], [Symbol.dispose]: () => undefined };
  const path = join(bundle, 'pid');
  rmSync(path, { force: true });
  const watcher = watch(bundle, (_, name) => {
    const pid = name === 'pid' ? readPid(path) : undefined;
    if (pid === undefined) return;
    watcher.close();
    onStarted(pid);
  });
  return { args: ['--pid-file', path], [Symbol.dispose]: () => watcher.close() };
}

/** A signal that could not be sent is sent again. */
function tryAgain(): void {}

const env = { PATH: defaultSearchPath };
const callTimeoutMs = 60_000;
const stopPauseMs = 20;
const stopTries = 500;

interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly broken: { readonly reason: unknown } | undefined;
}

/** The first reason, if any, for which a run is given up. */
class Breaking {
  broken: { readonly reason: unknown } | undefined;
  readonly happened: Promise<void>;
  readonly #announce: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.happened = promise;
    this.#announce = resolve;
  }

  because(reason: unknown): void {
    this.broken ??= { reason };
    this.#announce();
  }

  /** Runs `body`, unless the run is given up already; a failure of it is such a reason. */
  guard(body: () => void): void {
    if (this.broken !== undefined) return;
    try {
      body();
    } catch (error) {
      this.because(error);
    }
  }
}

const idPattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$/;

function checkId(id: string): string {
  if (idPattern.test(id)) return id;
  throw new Fault('invalid', `container id "${id}": only letters, digits, "_", ".", "+" and "-" can stand in it`);
}

function cancelled(id: string, cause: unknown): Fault {
  return new Fault('cancelled', `run container ${id}: cancelled`, { cause });
}

function parseState(id: string, text: string): ContainerState {
  try {
    const { status, pid, bundle } = JSON.parse(text) as ContainerState;
    return { id, status, pid, bundle };
  } catch (error) {
    throw new Fault('internal', `look at container ${id}: the runtime's answer is not JSON`, { cause: error });
  }
}
