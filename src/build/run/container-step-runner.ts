import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { Fault } from '../../errors/index.ts';
import { expectGroupMove, privileges, resourceLimits, Tree, type Mounts } from '../../host/index.ts';
import type { LayerPacker } from '../../layer/index.ts';
import type { IsolatedNetwork } from '../../network/index.ts';
import { defined, type DiffId } from '../../oci/index.ts';
import {
  allCapabilities,
  cdiOptions,
  containerSpec,
  etcFiles,
  mountTargets,
  prepareMountpoints,
  removeStubs,
  resolveUser,
  writeBundle,
  writeEtcFiles,
  type ContainerCgroup,
  type ContainerMount,
  type ContainerSpecOptions,
  type RuntimeSpec,
  type Runtimes,
  type SeccompFilter,
} from '../../runtime/index.ts';
import { throwIfAborted } from '../../std/index.ts';
import {
  packInSlices,
  type CacheMounts,
  type Snapshotter,
  type TemporaryArea,
  type WorkAreas,
} from '../../snapshot/index.ts';
import type { RunSettings } from './run-settings.ts';
import { StepMounts } from './step-mounts.ts';
import type { StepCommand, StepOutcome, StepRunner, StepRunOptions } from './step-runner.ts';

export interface ContainerStepRunnerOptions {
  /** Looked for when the first step runs. */
  readonly runtimes: Pick<Runtimes, 'choose' | 'chooseDiscreet'>;
  readonly snapshotter: Snapshotter;
  readonly mounts: Mounts;
  readonly cacheMounts: CacheMounts;
  readonly areas: WorkAreas;
  /** Begins a layer on what is below. */
  readonly packer: (below: readonly DiffId[]) => LayerPacker;
  /** What containers of this machine have in common; looked up when the first step runs. */
  readonly machine: () => StepMachine;
  /** The isolated network of this build: opened for the first step that is to be on it, the same one ever after. */
  readonly network: () => Promise<IsolatedNetwork>;
}

/** What the spec of a step's container needs to know of the machine. */
export interface StepMachine {
  readonly seccomp: SeccompFilter;
  readonly cgroup: Pick<ContainerCgroup, 'layout'>;
  /** An init that reaps; Fault `unavailable` where it is missing was thrown before. */
  readonly init: string;
}

/** What a step's container joins, and who resolves names there; the machine's name servers where it is not said. */
interface StepNetwork {
  readonly joins: 'host' | 'none' | { readonly namespacePath: string };
  readonly nameservers?: readonly string[];
  /** By which the container reaches this machine. */
  readonly machineAddress?: string | undefined;
}

interface PreparedCommand {
  readonly command: StepCommand;
  readonly network: StepNetwork;
  readonly mounts: readonly ContainerMount[];
}

/** Steps as containers of the machine's OCI runtime, each on an overlay of the layers below. */
export class ContainerStepRunner implements StepRunner {
  readonly #options: ContainerStepRunnerOptions;

  constructor(options: ContainerStepRunnerOptions) {
    this.#options = options;
  }

  async run(command: StepCommand, options: StepRunOptions): Promise<StepOutcome> {
    void expectGroupMove();
    const { areas } = this.#options;
    const area = areas.temporary('step');
    try {
      return await this.#runIn(area, command, options);
    } finally {
      areas.disposeSoon(area);
    }
  }

  async #runIn(area: TemporaryArea, command: StepCommand, options: StepRunOptions): Promise<StepOutcome> {
    const { snapshotter } = this.#options;
    const outcome = await this.#execute(area, command, options);
    if (outcome !== undefined) return outcome;
    using packer = this.#options.packer(command.chain);
    const report = await packInSlices(snapshotter.pack(command.chain, area.workDir, packer), {
      signal: options.signal,
      onProgress: options.onPacking,
    });
    return { kind: 'done', layer: packer.commit(), report };
  }

  /** Undefined once the command has succeeded and its view is unmounted. */
  async #execute(area: TemporaryArea, command: StepCommand, options: StepRunOptions): Promise<StepOutcome | undefined> {
    const { snapshotter } = this.#options;
    const { runtimes } = this.#options;
    const runtime = command.secretEnv.length === 0 ? runtimes.choose() : runtimes.chooseDiscreet();
    const network = await this.#network(command);
    using memory = this.#memory(area, command);
    await using placed = await StepMounts.place(command.mounts, {
      ...this.#options,
      area,
      privateFolder: memory?.path,
      signal: options.signal,
    });
    throwIfAborted(options.signal, 'run the command');
    using view = snapshotter.writable(command.chain, {
      workDir: area.workDir,
      target: area.target,
      volatile: true,
    });
    using tree = Tree.open(view.path);
    const spec = this.#spec(area, tree, { command, network, mounts: placed.of(command.mounts) });
    const bundle = memory?.path ?? area.bundle;
    writeBundle(bundle, spec);
    const stubs = prepareMountpoints(tree, mountTargets(spec));
    try {
      const outcome = await runtime.run(area.id, {
        bundle,
        signal: options.signal,
        onStdout: options.onOutput,
      });
      if (outcome.kind === 'not-started') return { kind: 'failed', exitCode: outcome.code, message: outcome.message };
      return outcome.code === 0 ? undefined : { kind: 'failed', exitCode: outcome.code, message: undefined };
    } finally {
      removeStubs(tree, stubs);
    }
  }

  async #network({ network }: StepCommand): Promise<StepNetwork> {
    if (network === 'host') return { joins: network, machineAddress: '127.0.0.1' };
    if (network === 'none') return { joins: network };
    const { namespacePath, nameservers, machineAddress } = await this.#options.network();
    return { joins: namespacePath === undefined ? 'none' : { namespacePath }, nameservers, machineAddress };
  }

  /**
   * A folder in memory where there are secrets: for them, and for the bundle, whose `config.json` tells the runtime
   * the values of variables.
   */
  #memory(area: TemporaryArea, { mounts, secretEnv }: StepCommand): MemoryFolder | undefined {
    const isNeeded = secretEnv.length > 0 || mounts.some(({ kind }) => kind === 'secret' || kind === 'ssh');
    return isNeeded ? memoryFolder(this.#options.mounts, join(area.bundle, 'private')) : undefined;
  }

  #spec(area: TemporaryArea, tree: Tree, { command, network, mounts }: PreparedCommand): RuntimeSpec {
    const { seccomp, cgroup, init } = this.#options.machine();
    const { settings } = command;
    const user = userOf(tree, command.user);
    const added = cdiOptions(command.devices, user);
    return containerSpec({
      rootfs: area.target,
      args: command.args,
      env: [...command.env, ...command.secretEnv, ...added.env],
      cwd: command.workdir,
      user: { ...user, additionalGids: [...user.additionalGids, ...added.additionalGids] },
      hostname: settings.hostname ?? stepHostname,
      network: network.joins,
      mounts: [...networkFiles(area, network, settings), ...ownFiles(area, command.files), ...added.mounts, ...mounts],
      devices: added.devices,
      ...(command.security === 'insecure' ? insecureRights() : { seccomp }),
      cgroup: { path: posix.join('/', settings.cgroupParent ?? 'varve', area.id), ...cgroup },
      init,
      ...limitsOf(settings),
    });
  }
}

function userOf(tree: Tree, user: string): ReturnType<typeof resolveUser> {
  try {
    return resolveUser(tree, user);
  } catch (error) {
    throw Fault.wrap('run the command', error);
  }
}

/** Names are resolved as on the host; the files are the container's own copies. */
function networkFiles(
  area: TemporaryArea,
  { joins, machineAddress, ...resolving }: StepNetwork,
  { extraHosts = [], hostname = stepHostname }: RunSettings,
): readonly ContainerMount[] {
  const files = etcFiles({
    hostname,
    network: joins === 'host' ? 'host' : 'own',
    ...resolving,
    extraHosts: extraHosts.map(({ name, address }) => ({ name, address: addressOf(address, machineAddress) })),
    hostHosts: textOfFile('/etc/hosts'),
    hostResolvConf: textOfFile('/etc/resolv.conf'),
  });
  return writeEtcFiles(join(area.bundle, 'etc'), files, { readonly: true });
}

function addressOf(address: string, machineAddress: string | undefined): string {
  if (address !== 'host-gateway') return address;
  if (machineAddress !== undefined) return machineAddress;
  throw new Fault('unsupported', 'add host: no address of this network is host-gateway', {
    hint: 'there is one with --network=host, and where this machine has a gateway',
  });
}

/** As BuildKit: every capability, no filter, nothing hidden or read-only, every device. */
function insecureRights(): Pick<ContainerSpecOptions, 'capabilities' | 'privileged' | 'seccomp'> {
  const held = privileges().capabilities;
  return { capabilities: allCapabilities.filter((name) => held.has(name)), privileged: true, seccomp: undefined };
}

function limitsOf(settings: RunSettings): Partial<ContainerSpecOptions> {
  const { shmSizeBytes, rlimits, limits } = settings;
  const mayRaise = rlimits === undefined || privileges().capabilities.has('CAP_SYS_RESOURCE');
  return {
    ...defined({ shmSizeBytes, rlimits, limits }),
    ...(mayRaise ? {} : { ownLimits: resourceLimits() }),
  };
}

interface MemoryFolder extends Disposable {
  readonly path: string;
}

function memoryFolder(mounts: Mounts, path: string): MemoryFolder {
  mkdirSync(path, { mode: 0o700 });
  using mount = mounts.tmpfs({ sizeBytes: memoryFolderBytes, mode: 0o700 });
  mounts.attach(mount, path);
  return { path, [Symbol.dispose]: () => mounts.unmount(path, { detach: true }) };
}

const memoryFolderBytes = 64 << 20;

function textOfFile(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function ownFiles(area: TemporaryArea, files: StepCommand['files']): readonly ContainerMount[] {
  return files.map(({ path, content }) => fileMount(area, path, content));
}

function fileMount(area: TemporaryArea, destination: string, content: string): ContainerMount {
  const folder = join(area.bundle, 'files');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const source = join(folder, basename(destination));
  writeFileSync(source, content, { mode: 0o755 });
  return { kind: 'bind', source, destination, readonly: true };
}

/** What a command sees as the machine's name: the same everywhere, so that nothing of it gets into a layer. */
const stepHostname = 'varve-build';
