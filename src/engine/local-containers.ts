import { Fault } from '../errors/index.ts';
import type { StoredImage } from '../image/index.ts';
import type { LayerHolder } from '../layer/index.ts';
import { defined, type DiffId } from '../oci/index.ts';
import { formatLogTime, readLog, signalNumber } from '../runtime/index.ts';
import { awaitEnd, endsWithin, type AwaitContext } from './await-end.ts';
import { commitContainer } from './commit-container.ts';
import { containerChanges } from './container-changes.ts';
import { ContainerDirectory, noSuchContainer, type StoredContainer } from './container-directory.ts';
import { draftContainer } from './container-draft.ts';
import { inspectContainer } from './container-inspect.ts';
import { checkedContainerName, newContainerId, randomContainerName } from './container-name.ts';
import type { RecordedMount } from './container-record.ts';
import { ContainerRunner } from './container-runner.ts';
import { openSession } from './container-session.ts';
import { summaryOf } from './container-summary.ts';
import type {
  CommitOptions,
  ContainerChange,
  ContainerCreated,
  ContainerInspect,
  ContainerOptions,
  Containers,
  ContainerSession,
  ContainerSummary,
  LogLine,
  LogsOptions,
  RemoveOptions,
  StartOptions,
} from './containers.ts';
import { exportContainer } from './export-container.ts';
import { planMounts, type PlannedMount } from './mount-plan.ts';
import { signalProcess } from './signals.ts';
import type { Store } from './store.ts';
import { sweepContainers } from './sweep-containers.ts';
import { Volumes } from './volumes.ts';

export interface LocalContainersOptions {
  /** The image of this name, fetched where `pull` says so. */
  readonly ensureImage: (
    name: string,
    options: Pick<ContainerOptions, 'pull' | 'tlsVerify' | 'signal' | 'onProgress'> & { readonly holder: LayerHolder },
  ) => Promise<StoredImage>;
}

/**
 * The containers of one store. There is no daemon that sees a container end: its monitor calls `containerEnded`, whoever
 * waits for it tidies as well, and what neither could do the next `sweep` does.
 */
export class LocalContainers implements Containers {
  readonly #store: Store;
  readonly #ensureImage: LocalContainersOptions['ensureImage'];
  readonly #directory: ContainerDirectory;
  readonly #volumes: Volumes;
  readonly #runner: ContainerRunner;

  constructor(store: Store, { ensureImage }: LocalContainersOptions) {
    this.#store = store;
    this.#ensureImage = ensureImage;
    this.#directory = new ContainerDirectory(store);
    this.#volumes = new Volumes({ root: store.root, documents: store.state.volumes });
    this.#runner = new ContainerRunner(store, { directory: this.#directory, volumes: this.#volumes });
  }

  /** The lease holds the image's layers until the record does. */
  async create(options: ContainerOptions): Promise<ContainerCreated> {
    const name = options.name === undefined ? undefined : checkedContainerName(options.name);
    await this.sweep();
    const { state, layers, clock } = this.#store;
    using lease = state.leases.acquire({ purpose: `create a container of ${options.image}` });
    const { pull, tlsVerify = true, signal, onProgress } = options;
    const image = await this.#ensureImage(options.image, { pull, tlsVerify, signal, onProgress, holder: lease });
    const lost = image.chain.find((diffId) => !layers.hold(diffId, lease));
    if (lost !== undefined) throw new Fault('not-found', `create a container of ${options.image}: ${lost} is gone`);
    const id = newContainerId();
    const created = new Date(clock.now()).toISOString();
    const draft = draftContainer(id, options, image);
    const mounts = planMounts(options.volumes, Object.keys(draft.config.Volumes ?? {}));
    const record = {
      created,
      ...draft,
      ...defined({ runtime: this.#store.runtimes.chosenName() }),
      mounts: this.#withVolumes(mounts, created),
      life: { kind: 'created' } as const,
    };
    const container = { id, name: name ?? this.#freeName(), record };
    try {
      this.#directory.create(container);
    } catch (error) {
      this.#runner.discardVolumes(record);
      throw error;
    }
    return { id, name: container.name, warnings: warningsAbout(image, this.#store) };
  }

  async start(name: string, options: StartOptions): Promise<ContainerSession> {
    const { id } = this.#directory.find(name);
    const { attach, signal, terminalSize } = options;
    const held = await this.#directory.lock(id, signal);
    try {
      const container = await this.#startable(id);
      const { tty } = container.record.settings;
      // Who is attached tidies, except where one may leave a terminal before the end.
      const exitCommand = attach && !tty ? [] : this.#store.endCommand(id);
      const { attachment, ended } = await this.#runner.start(container, { attach, exitCommand, signal, terminalSize });
      const { bundle } = this.#directory.place(id);
      return openSession({
        attachment,
        kill: (signalName) => this.#signal(id, signalNumber(signalName)),
        resize: (size) => this.#store.monitor().resize(bundle, size),
        wait: () => (ended === undefined ? this.wait(id, { signal }) : this.#tidied(id, ended)),
      });
    } finally {
      held.remove();
    }
  }

  async wait(name: string, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    const container = this.#directory.find(name);
    const life = this.#runner.observe(container);
    if (life.kind === 'created') return 0;
    const exitCode = life.kind === 'exited' ? life.exitCode : await awaitEnd(container, { ...this.#parts, signal });
    if (container.record.life.kind === 'running') await this.containerEnded(container.id);
    return exitCode;
  }

  async stop(name: string, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<void> {
    const container = this.#directory.find(name);
    const life = this.#runner.observe(container);
    if (life.kind !== 'running') return this.containerEnded(container.id);
    signalProcess(life.process, signalNumber(container.record.config.StopSignal ?? 'SIGTERM'));
    if (!(await endsWithin(container, { ...this.#parts, ...options })))
      signalProcess(life.process, signalNumber('SIGKILL'));
    await this.wait(container.id, options);
  }

  kill(name: string, signalName: string): void {
    const { id } = this.#directory.find(name);
    if (this.#signal(id, signalNumber(signalName))) return;
    throw new Fault('conflict', `cannot kill container: ${name}: container ${id} is not running`);
  }

  async remove(name: string, options: RemoveOptions): Promise<void> {
    const { id } = this.#directory.find(name);
    const held = await this.#directory.lock(id);
    try {
      const container = this.#directory.get(id);
      if (container === undefined) throw noSuchContainer(name);
      await this.#ensureEnded(container, name, options);
      this.#runner.discard(container);
      if (options.volumes === true) this.#runner.discardVolumes(container.record);
    } finally {
      held.remove();
    }
  }

  async containerEnded(id: string): Promise<void> {
    const held = await this.#directory.lock(id);
    try {
      const container = this.#directory.get(id);
      if (container?.record.life.kind === 'running') await this.#runner.end(container);
    } finally {
      held.remove();
    }
  }

  list({ all }: { readonly all: boolean }): readonly ContainerSummary[] {
    const nowMs = this.#store.clock.now();
    const summaries = this.#directory
      .list()
      .map((container) => summaryOf(container, this.#runner.observe(container), nowMs));
    return summaries.filter(({ state }) => all || state === 'running').toReversed();
  }

  inspect(name: string): ContainerInspect {
    const container = this.#directory.find(name);
    return inspectContainer(container, {
      life: this.#runner.observe(container),
      place: this.#directory.place(container.id),
      volumePath: (volume) => this.#volumes.dataPath(volume),
    });
  }

  logs(name: string, options: LogsOptions): AsyncIterable<LogLine> {
    const container = this.#directory.find(name);
    return this.#logLines(container, options);
  }

  exportTree(name: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array> {
    const { id } = this.#directory.find(name);
    return exportContainer(id, { ...this.#parts, signal });
  }

  diff(name: string): readonly ContainerChange[] {
    const container = this.#directory.find(name);
    return containerChanges(container, { store: this.#store, place: this.#directory.place(container.id) });
  }

  async commit(name: string, options: CommitOptions): Promise<{ readonly imageId: string }> {
    const { id } = this.#directory.find(name);
    const held = await this.#directory.lock(id, options.signal);
    try {
      const container = this.#directory.get(id);
      if (container === undefined) throw noSuchContainer(name);
      const isRunning = this.#runner.observe(container).kind === 'running';
      const place = this.#directory.place(id);
      return await commitContainer(container, { ...options, store: this.#store, place, isRunning });
    } finally {
      held.remove();
    }
  }

  /**
   * Tidies up after what nobody stood by: containers that ended unseen, starts, removals and builds that were killed. What
   * somebody is at work on is left alone.
   */
  sweep(): Promise<void> {
    return sweepContainers(this.#parts);
  }

  /** The layers that each container stands on. */
  chains(): Iterable<readonly DiffId[]> {
    return this.#directory.list().map(({ record }) => record.chain);
  }

  /** Short IDs of the containers that stand on an image. */
  usingImage(imageId: string): readonly string[] {
    const containers = this.#directory.list().filter(({ record }) => record.imageId === imageId);
    return containers.map(({ id }) => id.slice(0, 12));
  }

  get #parts(): AwaitContext {
    return { store: this.#store, directory: this.#directory, runner: this.#runner };
  }

  #withVolumes(planned: readonly PlannedMount[], created: string): readonly RecordedMount[] {
    return planned.map((mount) =>
      mount.kind === 'volume' ? { ...mount, name: this.#volumes.create(mount.name, created) } : mount,
    );
  }

  #freeName(): string {
    for (;;) {
      const name = randomContainerName();
      if (this.#store.state.containers.byName(name) === undefined) return name;
    }
  }

  async #tidied(id: string, ended: Promise<number>): Promise<number> {
    try {
      return await ended;
    } finally {
      await this.containerEnded(id);
    }
  }

  /** False where it does not run (any more). */
  #signal(id: string, number: number): boolean {
    const container = this.#directory.get(id);
    const life = container && this.#runner.observe(container);
    return life?.kind === 'running' && signalProcess(life.process, number);
  }

  /** The container as it is when nothing of an earlier run is left. */
  async #startable(id: string): Promise<StoredContainer> {
    const container = this.#directory.get(id);
    if (container === undefined) throw noSuchContainer(id);
    const life = this.#runner.observe(container);
    if (life.kind === 'running') throw new Fault('conflict', `container ${container.name} is already running`);
    if (this.#runner.hasLeftovers(container)) await this.#runner.end(container);
    const now = this.#directory.get(id);
    if (now === undefined) throw noSuchContainer(id);
    return now;
  }

  async #ensureEnded(container: StoredContainer, name: string, { force }: RemoveOptions): Promise<void> {
    const life = this.#runner.observe(container);
    if (life.kind !== 'running') return void (await this.#runner.end(container));
    if (!force) {
      throw new Fault('conflict', `cannot remove container "${name}": container is running`, {
        hint: 'stop the container before removing or force remove',
      });
    }
    signalProcess(life.process, signalNumber('SIGKILL'));
    await awaitEnd(container, { ...this.#parts, signal: AbortSignal.timeout(killLimitMs) });
    await this.#runner.end(container);
  }

  async *#logLines({ id }: StoredContainer, options: LogsOptions): AsyncGenerator<LogLine, void, undefined> {
    const { follow, ...rest } = options;
    const isWritten = (): boolean => {
      const container = this.#directory.get(id);
      return container !== undefined && this.#runner.observe(container).kind === 'running';
    };
    const { logPath } = this.#directory.place(id);
    for await (const { stream, time, bytes } of readLog(logPath, { ...rest, follow: follow && { isWritten } })) {
      yield { stream, time: formatLogTime(time), bytes };
    }
  }
}

const killLimitMs = 10_000;

function warningsAbout({ config }: StoredImage, { platform }: Store): readonly string[] {
  if (config.os === platform.os && config.architecture === platform.architecture) return [];
  const [wanted, here] = [`${config.os}/${config.architecture}`, `${platform.os}/${platform.architecture}`];
  return [`The requested image's platform (${wanted}) does not match the detected host platform (${here})`];
}
