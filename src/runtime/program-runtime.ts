import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { cgroupLayout, defaultSearchPath, errnoOf, findExecutable, run, spawnProcess } from '../host/index.ts';
import type { ExitStatus, Process } from '../host/index.ts';
import type {
  ContainerOutcome,
  ContainerState,
  CreationFailure,
  OciRuntime,
  RunContainerOptions,
} from './oci-runtime.ts';
import { checkId, containersIn } from './container-id.ts';
import { openOutputPipe } from './output-pipe.ts';
import { Breaking } from './run-breaking.ts';
import type { RuntimeProgram } from './runtime-program.ts';
import type { RuntimeSpec } from './runtime-spec.ts';
import { watchStart } from './start-watch.ts';

export interface ProgramOptions {
  /** Path of the program; looked for among the system's programs where it is left out. */
  readonly executable?: string;
  /** Where the program keeps the state of running containers; made (mode 0700) if missing. */
  readonly stateDir: string;
}

/** The runtime contract through a program. Fault `unavailable` where it is not installed. */
export function programRuntime(program: RuntimeProgram, options: ProgramOptions): OciRuntime {
  const { name } = program;
  const executable = findExecutable(options.executable ?? name);
  if (executable === undefined) {
    throw new Fault('unavailable', `find the container runtime: ${options.executable ?? name} is not installed`, {
      hint: `apt-get install ${name}`,
    });
  }
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  return new ProgramRuntime(program, { executable, stateDir: options.stateDir });
}

class ProgramRuntime implements OciRuntime {
  readonly name: string;
  readonly executable: string;
  readonly stateDir: string;
  readonly #program: RuntimeProgram;
  readonly #hiddenMounts: readonly string[];

  constructor(program: RuntimeProgram, { executable, stateDir }: Required<ProgramOptions>) {
    this.name = program.name;
    this.executable = executable;
    this.stateDir = stateDir;
    this.#program = program;
    this.#hiddenMounts = program.hiddenMounts(cgroupLayout());
  }

  async version(): Promise<string> {
    return (await this.#call(['--version'])).split('\n', 1)[0] ?? '';
  }

  async run(id: string, options: RunContainerOptions): Promise<ContainerOutcome> {
    checkId(id);
    if (options.signal.aborted) throw cancelled(id, options.signal.reason);
    const end = await this.#runChild(id, options);
    if (this.#exists(id)) await this.delete(id);
    if (end.broken !== undefined) throw end.broken.reason;
    if (end.signal !== null) throw new Fault('internal', `run container ${id}: the runtime was ended by ${end.signal}`);
    const error = end.code === 0 ? undefined : this.#program.lastError(readIfThere(logIn(options.bundle)));
    const failure = error === undefined ? undefined : this.#program.runFailure(error);
    if (failure === undefined) return { kind: 'exited', code: end.code ?? 0 };
    const blamed = this.#program.commandFailure(failure, commandOf(options.bundle));
    if (blamed !== undefined) return blamed;
    throw new Fault('internal', `run container ${id}: ${failure}`);
  }

  creationCommand(bundle: string): readonly string[] {
    const call = [this.executable, ...this.#loggingArgs(bundle)];
    if (this.#hiddenMounts.length === 0) return call;
    const covers = this.#hiddenMounts.map((target) => `mount -t tmpfs none ${target} && `);
    const script = `${covers.join('')}exec "$@"`;
    return [viewProgram, '--mount', '--propagation', 'slave', '/bin/sh', '-c', script, 'sh', ...call];
  }

  creationFailure(bundle: string, saying: string): CreationFailure {
    const message = this.#program.lastError(readIfThere(logIn(bundle))) ?? saying;
    return this.#program.commandFailure(message, commandOf(bundle)) ?? { kind: 'failed', message };
  }

  async start(id: string): Promise<void> {
    await this.#call(['start', checkId(id)]);
  }

  async kill(id: string, signal: string): Promise<boolean> {
    const result = await this.#try(['kill', checkId(id), signal]);
    if (result.code === 0) return true;
    if (this.#program.isOver.test(result.error)) return false;
    throw new Fault('internal', `signal container ${id} with ${signal}: ${result.error}`);
  }

  async pause(id: string): Promise<void> {
    await this.#call(['pause', checkId(id)]);
  }

  async resume(id: string): Promise<void> {
    await this.#call(['resume', checkId(id)]);
  }

  async delete(id: string): Promise<void> {
    checkId(id);
    for (let tries = 1; ; tries += 1) {
      const result = await this.#try(['delete', '--force', id]);
      // Of two that delete at once, one fails at what the other has just taken away.
      if (result.code === 0 || !this.#exists(id)) return;
      if (tries === deleteTries) throw new Fault('internal', `delete container ${id}: ${result.error}`);
      await delay(stopPauseMs);
    }
  }

  async state(id: string): Promise<ContainerState | undefined> {
    if (!this.#exists(checkId(id))) return undefined;
    const result = await this.#try(['state', id]);
    if (result.code !== 0 && this.#program.isMissing.test(result.error)) return undefined;
    if (result.code !== 0) throw new Fault('internal', `look at container ${id}: ${result.error}`);
    return parseState(id, result.output);
  }

  list(): string[] {
    return containersIn(this.stateDir);
  }

  async deleteAll(prefix: string): Promise<string[]> {
    const ids = this.list().filter((id) => id.startsWith(prefix));
    for (const id of ids) await this.delete(id);
    return ids;
  }

  #exists(id: string): boolean {
    return existsSync(join(this.stateDir, id));
  }

  /** Runs the program to its end, with the container's output passed on to its last byte. */
  async #runChild(id: string, options: RunContainerOptions): Promise<ChildEnd> {
    const breaking = new Breaking();
    const pipe = (pass: (chunk: Uint8Array) => void) =>
      openOutputPipe({ onChunk: (chunk) => breaking.guard(() => pass(chunk)), rest: options.rest });
    const stdout = pipe(options.onStdout);
    const pipes = [stdout, options.onStderr === undefined ? stdout : pipe(options.onStderr)] as const;
    const abort = (): void => breaking.because(cancelled(id, options.signal.reason));
    options.signal.addEventListener('abort', abort, { once: true });
    using start = watchStart(options);
    try {
      const args = [...this.#loggingArgs(options.bundle), 'run', ...start.args, '--bundle', options.bundle, id];
      const stdio = ['ignore', pipes[0].writer, pipes[1].writer] as const;
      const settings = { env, stdio, ownGroup: true, hiddenMounts: this.#hiddenMounts };
      const child = await spawnProcess(this.executable, args, settings);
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
    if (this.#program.isConflict.test(result.error)) throw new Fault('conflict', `${what}: ${result.error}`);
    if (this.#program.isMissing.test(result.error)) throw new Fault('not-found', `${what}: ${result.error}`);
    const failure = this.#program.commandFailure(result.error, '');
    throw new Fault('internal', `${what}: ${failure?.message ?? result.error}`);
  }

  async #try(
    args: readonly string[],
  ): Promise<{ readonly code: number; readonly output: string; readonly error: string }> {
    const settings = { env, timeoutMs: callTimeoutMs, hiddenMounts: this.#hiddenMounts };
    const result = await run(this.executable, ['--root', this.stateDir, ...args], settings);
    const lines = result.stderr.toString('utf8').trim().split('\n');
    return { code: result.code ?? -1, output: result.stdout.toString('utf8'), error: lines.at(-1) ?? '' };
  }

  #loggingArgs(bundle: string): readonly string[] {
    return ['--root', this.stateDir, '--log', logIn(bundle), '--log-format', this.#program.logFormat];
  }
}

/** A signal that could not be sent is sent again. */
function tryAgain(): void {}

const env = { PATH: defaultSearchPath };
const callTimeoutMs = 60_000;
const stopPauseMs = 20;
const stopTries = 500;
const deleteTries = 10;

/** Of util-linux: what `hiddenMounts` is for those that start the program themselves. */
export const viewProgram = '/usr/bin/unshare';

interface ChildEnd extends ExitStatus {
  readonly broken: { readonly reason: unknown } | undefined;
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

function logIn(bundle: string): string {
  return join(bundle, 'runtime.log');
}

/** The first word of what a bundle runs. */
function commandOf(bundle: string): string {
  const spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as RuntimeSpec;
  return spec.process.args[0] ?? '';
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
