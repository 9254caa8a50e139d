import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { Tree } from '../host/index.ts';
import type { LayerPacker } from '../layer/index.ts';
import type { IsolatedNetwork } from '../network/index.ts';
import type { DiffId } from '../oci/index.ts';
import {
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
  type OciRuntime,
  type RuntimeSpec,
  type SeccompSpec,
} from '../runtime/index.ts';
import { throwIfAborted } from '../std/index.ts';
import type { Snapshotter, TemporaryArea, WorkAreas } from '../snapshot/index.ts';
import type { StepCommand, StepOutcome, StepRunner, StepRunOptions } from './step-runner.ts';

export interface ContainerStepRunnerOptions {
  /** Looked for when the first step runs. */
  readonly runtime: () => OciRuntime;
  readonly snapshotter: Snapshotter;
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
  readonly seccomp: SeccompSpec;
  readonly cgroup: Pick<ContainerCgroup, 'layout'>;
  /** An init that reaps; Fault `unavailable` where it is missing was thrown before. */
  readonly init: string;
}

/** What a step's container joins, and who resolves names there; the machine's name servers where it is not said. */
interface StepNetwork {
  readonly joins: 'host' | 'none' | { readonly namespacePath: string };
  readonly nameservers?: readonly string[];
}

interface ConnectedCommand {
  readonly command: StepCommand;
  readonly network: StepNetwork;
}

/** Steps as containers of the machine's OCI runtime, each on an overlay of the layers below. */
export class ContainerStepRunner implements StepRunner {
  readonly #options: ContainerStepRunnerOptions;

  constructor(options: ContainerStepRunnerOptions) {
    this.#options = options;
  }

  async run(command: StepCommand, options: StepRunOptions): Promise<StepOutcome> {
    const { areas, snapshotter } = this.#options;
    using area = areas.temporary('step');
    const outcome = await this.#execute(area, command, options);
    if (outcome !== undefined) return outcome;
    using packer = this.#options.packer(command.chain);
    const report = snapshotter.pack(command.chain, area.workDir, packer);
    await noticeAbort(options.signal);
    return { kind: 'done', layer: packer.commit(), report };
  }

  /** Undefined once the command has succeeded and its view is unmounted. */
  async #execute(area: TemporaryArea, command: StepCommand, options: StepRunOptions): Promise<StepOutcome | undefined> {
    const { snapshotter } = this.#options;
    const runtime = this.#options.runtime();
    const network = await this.#network(command);
    using view = snapshotter.writable(command.chain, {
      workDir: area.workDir,
      target: area.target,
      volatile: true,
    });
    using tree = Tree.open(view.path);
    const spec = this.#spec(area, tree, { command, network });
    writeBundle(area.bundle, spec);
    const stubs = prepareMountpoints(tree, mountTargets(spec));
    try {
      const outcome = await runtime.run(area.id, {
        bundle: area.bundle,
        signal: options.signal,
        onStdout: (bytes) => options.onOutput('stdout', bytes),
        onStderr: (bytes) => options.onOutput('stderr', bytes),
      });
      if (outcome.kind === 'not-started') return { kind: 'failed', exitCode: outcome.code, message: outcome.message };
      return outcome.code === 0 ? undefined : { kind: 'failed', exitCode: outcome.code, message: undefined };
    } finally {
      removeStubs(tree, stubs);
    }
  }

  async #network({ network }: StepCommand): Promise<StepNetwork> {
    if (network !== 'isolated') return { joins: network };
    const { namespacePath, nameservers } = await this.#options.network();
    return { joins: namespacePath === undefined ? 'none' : { namespacePath }, nameservers };
  }

  #spec(area: TemporaryArea, tree: Tree, { command, network }: ConnectedCommand): RuntimeSpec {
    const { seccomp, cgroup, init } = this.#options.machine();
    return containerSpec({
      rootfs: area.target,
      args: command.args,
      env: command.env,
      cwd: command.workdir,
      user: userOf(tree, command.user),
      hostname: stepHostname,
      network: network.joins,
      mounts: [...networkFiles(area, network), ...ownFiles(area, command.files)],
      seccomp,
      cgroup: { path: `/varve/${area.id}`, ...cgroup },
      init,
    });
  }
}

/**
 * Packing does not give way to anything: who pressed Ctrl-C meanwhile is heard in the next turn of the event loop, which
 * the second wait is sure to be in.
 */
async function noticeAbort(signal: AbortSignal): Promise<void> {
  await setImmediate();
  await setImmediate();
  throwIfAborted(signal, 'store the changes');
}

function userOf(tree: Tree, user: string): ReturnType<typeof resolveUser> {
  try {
    return resolveUser(tree, user);
  } catch (error) {
    throw Fault.wrap('run the command', error);
  }
}

/** Names are resolved as on the host; the files are the container's own copies. */
function networkFiles(area: TemporaryArea, { joins, ...resolving }: StepNetwork): readonly ContainerMount[] {
  const files = etcFiles({
    hostname: stepHostname,
    network: joins === 'host' ? 'host' : 'own',
    ...resolving,
    hostHosts: textOfFile('/etc/hosts'),
    hostResolvConf: textOfFile('/etc/resolv.conf'),
  });
  return writeEtcFiles(join(area.bundle, 'etc'), files, { readonly: true });
}

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
