import { basename } from 'node:path';
import { Fault } from '../errors/index.ts';
import { cgroupLayout, findExecutable, machineFacts, resourceLimits } from '../host/index.ts';
import type { Store } from './store.ts';
import type { SystemInfo } from './system.ts';
import type { SystemPorts } from './system-ports.ts';

/** What is here, and what is missing for all to work. */
export async function systemInfo(store: Store, { containers }: SystemPorts): Promise<SystemInfo> {
  const machine = machineFacts();
  const list = containers.list({ all: true });
  const running = list.filter(({ state }) => state === 'running').length;
  const { runtime, warnings } = await findRuntime(store);
  return {
    version: store.version,
    root: store.root,
    runRoot: store.runRoot,
    snapshotter: { kind: store.snapshotter.kind, reason: store.snapshotterReason },
    runtime,
    kernel: machine.kernelRelease,
    operatingSystem: machine.operatingSystem ?? 'Linux',
    architecture: unameMachine.get(machine.architecture) ?? machine.architecture,
    cpus: machine.cpus,
    memoryBytes: machine.totalMemoryBytes,
    cgroup: cgroupLayout().kind,
    images: store.images.list().length,
    containers: { running, stopped: list.length - running },
    warnings: [...warnings, ...monitorWarnings(store), ...initWarnings(), ...cgroupWarnings(), ...limitWarnings()],
  };
}

/** As uname(2) names what Node names otherwise. */
const unameMachine: ReadonlyMap<string, string> = new Map([
  ['x64', 'x86_64'],
  ['arm64', 'aarch64'],
]);

interface FoundRuntime {
  readonly runtime: SystemInfo['runtime'];
  readonly warnings: readonly string[];
}

async function findRuntime(store: Store): Promise<FoundRuntime> {
  try {
    const { executable, version } = await describeRuntime(store);
    const name = basename(executable);
    const passedOver = store.runtimes.passedOver();
    return {
      runtime: { name, path: executable, version: version.replace(`${name} version `, ''), passedOver },
      warnings: [],
    };
  } catch (error) {
    return { runtime: undefined, warnings: [warningOf(error)] };
  }
}

async function describeRuntime(store: Store): Promise<{ readonly executable: string; readonly version: string }> {
  const runtime = store.runtimes.choose();
  return { executable: runtime.executable, version: await runtime.version() };
}

function monitorWarnings(store: Store): readonly string[] {
  try {
    store.monitor();
    return [];
  } catch (error) {
    return [warningOf(error)];
  }
}

function initWarnings(): readonly string[] {
  return findExecutable('tini-static') === undefined
    ? ['RUN cannot be carried out: tini-static is not installed (apt-get install tini)']
    : [];
}

/** Only a missing program or one that fails is something to tell; all else is a mistake in this program. */
function warningOf(error: unknown): string {
  if (!Fault.is(error)) throw error;
  return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
}

function cgroupWarnings(): readonly string[] {
  const { kind, controllers } = cgroupLayout();
  if (kind === 'none') return ['no control groups are mounted: limits of containers have no effect'];
  return ['memory', 'cpu', 'pids']
    .filter((name) => !controllers.has(name))
    .map((name) => `no ${name} controller: the ${name} limit of a container cannot be set`);
}

/** A mounted layer takes a descriptor, and an image may have some hundred. */
function limitWarnings(): readonly string[] {
  const { soft = Infinity } = resourceLimits().get('RLIMIT_NOFILE') ?? {};
  return soft >= leastDescriptors
    ? []
    : [`at most ${soft} open files: images of many layers cannot be mounted (ulimit -n)`];
}

const leastDescriptors = 1024;
