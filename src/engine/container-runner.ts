import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { bootId, expectGroupMove, killProcess, processStartTime } from '../host/index.ts';
import { monitorProcess, runAttached, type Attachment } from '../runtime/index.ts';
import { throwIfAborted } from '../std/index.ts';
import type { ContainerDirectory, ContainerPlace, StoredContainer } from './container-directory.ts';
import type { ContainerLife, ProcessIdentity, RunningLife, StartFailure } from './container-record.ts';
import { ContainerSetup, hasWritableLayer } from './container-setup.ts';
import type { TerminalSize } from './containers.ts';
import { observeLife } from './observe-life.ts';
import { StartFault } from './start-fault.ts';
import type { Store } from './store.ts';
import type { Volumes } from './volumes.ts';

export interface RunnerOptions {
  readonly directory: ContainerDirectory;
  readonly volumes: Volumes;
}

/**
 * Starts containers and tidies up after them. Its callers hold the container's lock.
 *
 * A running container has, besides its processes, what its setup is and the state of its runtime. `end` takes all of it
 * away, in an order in which it can be done again from the start by whoever comes after one that was killed.
 */
export class ContainerRunner {
  readonly #store: Store;
  readonly #directory: ContainerDirectory;
  readonly #volumes: Volumes;
  readonly #setup: ContainerSetup;

  constructor(store: Store, { directory, volumes }: RunnerOptions) {
    this.#store = store;
    this.#directory = directory;
    this.#volumes = volumes;
    this.#setup = new ContainerSetup(store, volumes);
  }

  /** What has become of it, as far as can be seen from here. */
  observe({ id, record }: StoredContainer): ContainerLife {
    const { bundle } = this.#directory.place(id);
    return observeLife(record.life, { bundle, monitor: this.#store.monitor, nowMs: this.#store.clock.now() });
  }

  /** True if something of an earlier run, or of an attempt that was killed, has not been tidied. */
  hasLeftovers({ id, record }: StoredContainer): boolean {
    const place = this.#directory.place(id);
    const isLost = record.settings.autoRemove && hasWritableLayer(place);
    return (
      record.life.kind === 'running' || isLost || existsSync(place.bundle) || this.#store.runtimes.ids().includes(id)
    );
  }

  /**
   * Mounts and starts it; the attachment, where one is asked for, has its output from the first byte on. On failure
   * nothing is left of the attempt but the reason, in its record; one that removes itself is gone.
   */
  async start(container: StoredContainer, options: RunOptions): Promise<StartedContainer> {
    try {
      return await this.#launch(container, options);
    } catch (error) {
      await this.#takeBack(container, error);
      throw startFailure(container, error);
    }
  }

  /**
   * Tidies up after one that does not run. How it ended is written down first: the monitor's note of it goes with the
   * rest. Gives what is then known of it.
   */
  async end(container: StoredContainer): Promise<ContainerLife> {
    const life = this.observe(container);
    if (life.kind === 'running') return life;
    const { id, record } = container;
    const { autoRemove } = record.settings;
    if (record.life.kind === 'running' && !autoRemove) this.#directory.setLife(container, life);
    const tidy = (): void => (autoRemove ? this.discard(container) : this.#setup.takeDown(this.#directory.place(id)));
    await this.#withoutProcesses(id, { hasEnded: life.kind === 'exited', tidy });
    return life;
  }

  /** Drops it and all that is its own. The name goes first: what is cut short then belongs to nobody, and is swept away. */
  discard({ id, record }: StoredContainer): void {
    this.#directory.drop(id);
    this.#discardFolders(id);
    if (record.settings.autoRemove) this.discardVolumes(record);
  }

  discardVolumes({ mounts }: StoredContainer['record']): void {
    const used = new Set(this.#directory.list().flatMap((other) => other.record.mounts.map(volumeOf)));
    for (const mount of mounts) {
      if (mount.kind === 'volume' && mount.anonymous && !used.has(mount.name)) this.#volumes.remove(mount.name);
    }
  }

  /** As `discard`, for what is left of one that has no record (any more). */
  async discardStray(id: string): Promise<void> {
    await this.#withoutProcesses(id, { hasEnded: false, tidy: () => this.#discardFolders(id) });
  }

  /** Has the runtime that knows it end it. One that is missing has nothing to forget. */
  async forget(id: string): Promise<void> {
    try {
      await this.#store.runtimes.holding(id, this.#directory.get(id)?.record.runtime)?.delete(id);
    } catch (error) {
      if (!Fault.is(error, 'unavailable')) throw error;
    }
  }

  /**
   * Has the runtime end it and forget it. One whose first process has ended has no others, and `tidy` need not wait; of
   * a start that was cut short the monitor may still be at work, with a runtime that goes on to create the container.
   */
  async #withoutProcesses(
    id: string,
    options: { readonly hasEnded: boolean; readonly tidy: () => void },
  ): Promise<void> {
    const monitor = options.hasEnded ? undefined : monitorProcess(this.#directory.place(id).bundle);
    if (monitor !== undefined) killProcess(-monitor.pid, 'SIGKILL');
    const isForgotten = options.hasEnded && !this.#store.runtimes.ids().includes(id);
    const gone = isForgotten ? undefined : this.forget(id);
    if (!options.hasEnded) await gone;
    try {
      options.tidy();
    } finally {
      await gone;
    }
  }

  async #takeBack(container: StoredContainer, error: unknown): Promise<void> {
    const tidy = (): void => {
      if (container.record.settings.autoRemove) return this.discard(container);
      this.#setup.takeDown(this.#directory.place(container.id));
      if (!Fault.is(error, 'cancelled'))
        this.#directory.setLife(container, { kind: 'created', failure: failureOf(error) });
    };
    await this.#withoutProcesses(container.id, { hasEnded: false, tidy });
  }

  async #launch(container: StoredContainer, options: RunOptions): Promise<StartedContainer> {
    void expectGroupMove();
    const place = this.#directory.place(container.id);
    const sources = await this.#setup.putUp(container, place, options.signal);
    try {
      const { tty, openStdin, autoRemove } = container.record.settings;
      const needsMonitor = !options.attach || !autoRemove || tty || openStdin;
      return needsMonitor
        ? await this.#launchMonitored(container, place, options)
        : await this.#launchAttached(container, place, options);
    } finally {
      for (const source of sources) source.close();
    }
  }

  /** One that outlives nobody needs nobody who stands by it. */
  async #launchAttached(
    container: StoredContainer,
    place: ContainerPlace,
    { signal }: RunOptions,
  ): Promise<StartedContainer> {
    const { runtimes, clock } = this.#store;
    const runtime = runtimes.choose(container.record.runtime);
    const { bundle, logPath } = place;
    const start = await runAttached(runtime, container.id, { bundle, logPath, signal, now: clock.now });
    if (start.kind === 'not-started') throw new StartFault(start.message, { exitCode: start.code });
    const { pid, attachment, ended } = start;
    const self = identityOf(process.pid);
    const first = pid === undefined ? { ...self, startTime: '' } : identityOf(pid);
    this.#directory.setLife(container, this.#running(first, self));
    return { attachment, ended };
  }

  async #launchMonitored(
    container: StoredContainer,
    place: ContainerPlace,
    options: RunOptions,
  ): Promise<StartedContainer> {
    const { id, record } = container;
    const { monitor, runtimes } = this.#store;
    const runtime = runtimes.choose(record.runtime);
    const created = await monitor().create(id, {
      bundle: place.bundle,
      runtime,
      logPath: place.logPath,
      terminal: record.settings.tty,
      stdin: record.settings.openStdin,
      keepStdinOpen: !options.attach,
      exitCommand: options.exitCommand,
      signal: options.signal,
    });
    if (created.kind === 'not-started') throw new StartFault(created.message, { exitCode: created.code });
    const attachment = options.attach ? monitor().attach(place.bundle) : undefined;
    try {
      const first = identityOf(created.pid);
      throwIfAborted(options.signal, 'start');
      if (options.terminalSize !== undefined) monitor().resize(place.bundle, options.terminalSize);
      await runtime.start(id);
      this.#directory.setLife(container, this.#running(first, monitorProcess(place.bundle)));
      return { attachment };
    } catch (error) {
      await attachment?.close();
      throw error;
    }
  }

  #discardFolders(id: string): void {
    this.#setup.closeBinds(this.#directory.place(id));
    this.#store.areas.remove(id);
    rmSync(join(this.#store.root, 'containers', id), { recursive: true, force: true });
  }

  #running(process: ProcessIdentity, monitor: ProcessIdentity | undefined): RunningLife {
    const startedAt = new Date(this.#store.clock.now()).toISOString();
    return { kind: 'running', startedAt, process, monitor, bootId: bootId() };
  }
}

export interface StartedContainer {
  /** Where one was asked for. */
  readonly attachment: Attachment | undefined;
  /** The exit code, of a container that has no monitor. */
  readonly ended?: Promise<number>;
}

export interface RunOptions {
  readonly attach: boolean;
  readonly terminalSize?: TerminalSize | undefined;
  readonly exitCommand: readonly string[];
  readonly signal: AbortSignal;
}

/** Without a start time it is no process, and never found alive. */
function identityOf(pid: number): ProcessIdentity {
  return { pid, startTime: processStartTime(pid) ?? '' };
}

function volumeOf(mount: StoredContainer['record']['mounts'][number]): string | undefined {
  return mount.kind === 'volume' ? mount.name : undefined;
}

function failureOf(error: unknown): StartFailure {
  const exitCode = error instanceof StartFault ? error.exitCode : 125;
  return { exitCode, message: error instanceof Error ? error.message : String(error) };
}

function startFailure({ name }: StoredContainer, error: unknown): Fault {
  if (error instanceof StartFault) return error;
  const fault = Fault.wrap(`start container ${name}`, error);
  return fault.code === 'cancelled' ? fault : new StartFault(fault.message, { cause: fault });
}
