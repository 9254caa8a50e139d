import { join } from 'node:path';
import {
  buildImage,
  checkBuild,
  ContainerStepRunner,
  type BuildCheckOptions,
  type BuildOptions,
  type BuildPorts,
  type BuildResult,
  type CheckedBuild,
} from '../build/index.ts';
import { Fault } from '../errors/index.ts';
import { cgroupLayout, findExecutable } from '../host/index.ts';
import { SharedNetwork, type OpenNetworkOptions } from '../network/index.ts';
import { defaultCapabilities } from '../runtime/index.ts';
import { once } from '../std/index.ts';
import type { LocalImages } from './local-images.ts';
import { openSources } from './remote-sources.ts';
import { pullLayout } from './pull-layout.ts';
import { cachedSeccomp } from './seccomp-cache.ts';
import { StoreSharedCaches } from './shared-caches.ts';
import { stepLogFolder } from './step-logs.ts';
import type { Store } from './store.ts';

/** Builds on a store: what is written and read is held by a lease until the image has its names. */
export async function runBuild(store: Store, images: LocalImages, options: BuildOptions): Promise<BuildResult> {
  requireRuntime(store);
  using lease = store.state.leases.acquire({ purpose: `build ${options.tags.join(' ')}`.trim() });
  await using network = new SharedNetwork(store.networks, networkOptions(options));
  using remotes = openSources(store);
  using caches = new StoreSharedCaches(store, lease, options);
  return await buildImage(options, portsOf(store, images, { holder: lease, network, remotes, caches, options }));
}

/** One that was asked for has to be there and to work, also for a build that starts no container. */
function requireRuntime({ runtimes }: Store): void {
  runtimes.chosenName();
}

/** An address of the machine is given to its network only if the build asks for one. */
function networkOptions({ signal, run }: BuildOptions): OpenNetworkOptions {
  return { signal, reachesMachine: run?.extraHosts?.some(({ address }) => address === 'host-gateway') === true };
}

/** Checks the Dockerfile of a build; a context that is an archive is in the store meanwhile. */
export async function runBuildCheck(store: Store, options: BuildCheckOptions): Promise<CheckedBuild> {
  const { images, layers, state, clock, platform, areas } = store;
  using holder = state.leases.acquire({ purpose: 'build --check' });
  using remotes = openSources(store);
  const transaction: BuildPorts['transaction'] = (body) => state.transaction(body);
  const ports = { images, layers, areas, holder, remotes, stats: state.stats, transaction, clock, platform };
  return await checkBuild(options, ports);
}

function portsOf(
  store: Store,
  images: LocalImages,
  { holder, network, remotes, caches, options }: Running,
): BuildPorts {
  const { layers, snapshotter, areas, mounts, cacheMounts, state, clock, platform, runtimes } = store;
  const machine = once(() => stepMachine(store));
  const { sourceDateEpochSec: latestMtimeSec, tlsVerify = true } = options;
  const packer: BuildPorts['packer'] = (below) => layers.packer({ holder, below, latestMtimeSec });
  return {
    images: store.images,
    blobs: store.blobs,
    pull: (reference, pulling) => images.pullBase(reference, { ...pulling, tlsVerify, holder }),
    pullLayout: (place, pulling) => pullLayout(store, place, { ...pulling, holder }),
    layers,
    packer,
    snapshotter,
    areas,
    runner: new ContainerStepRunner({
      runtimes,
      snapshotter,
      areas,
      mounts,
      cacheMounts,
      packer,
      machine,
      network: () => network.get(),
    }),
    logFolder: stepLogFolder(store.root),
    records: state.cache,
    stats: state.stats,
    transaction: (body) => state.transaction(body),
    locks: state.locks,
    caches,
    remotes,
    holder,
    clock,
    platform,
  };
}

interface Running {
  readonly holder: BuildPorts['holder'];
  readonly network: SharedNetwork;
  readonly remotes: BuildPorts['remotes'];
  readonly caches: StoreSharedCaches;
  readonly options: BuildOptions;
}

type StepMachine = ReturnType<ConstructorParameters<typeof ContainerStepRunner>[0]['machine']>;

function stepMachine({ runRoot, platform, version }: Store): StepMachine {
  const init = findExecutable('tini-static');
  if (init === undefined) {
    throw new Fault('unavailable', 'run a command: tini-static is not installed', { hint: 'apt-get install tini' });
  }
  const target = { architecture: platform.architecture, capabilities: defaultCapabilities };
  const seccomp = cachedSeccomp(target, { folder: join(runRoot, 'seccomp'), version });
  return { seccomp, cgroup: { layout: cgroupLayout() }, init };
}
