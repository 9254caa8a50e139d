import {
  buildImage,
  ContainerStepRunner,
  type BuildOptions,
  type BuildPorts,
  type BuildResult,
} from '../build/index.ts';
import { Fault } from '../errors/index.ts';
import { cgroupLayout, findExecutable } from '../host/index.ts';
import { defaultCapabilities, loadSeccomp } from '../runtime/index.ts';
import type { Engine } from './engine.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { LocalContainers } from './local-containers.ts';
import { LocalImages } from './local-images.ts';
import { LocalSystem } from './local-system.ts';
import type { Store } from './store.ts';

/** The use cases over one open store. */
export class LocalEngine implements Engine {
  readonly images: LocalImages;
  readonly containers: LocalContainers;
  readonly system: LocalSystem;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    const collector = new GarbageCollector({
      ...store,
      cache: store.state.cache,
      leases: store.state.leases,
      containerChains: () => this.containers.chains(),
      transaction: (body) => store.state.transaction(body),
    });
    this.images = new LocalImages(store, { collector, usedBy: (imageId) => this.containers.usingImage(imageId) });
    this.containers = new LocalContainers(store, { ensureImage: (name, options) => this.images.ensure(name, options) });
    this.system = new LocalSystem(store, { collector, containers: this.containers });
  }

  async build(options: BuildOptions): Promise<BuildResult> {
    await this.containers.sweep();
    using lease = this.#store.state.leases.acquire({ purpose: `build ${options.tags.join(' ')}`.trim() });
    return await buildImage(options, this.#portsOfBuild(lease));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.snapshotter[Symbol.dispose]();
    this.#store.state[Symbol.dispose]();
  }

  #portsOfBuild(holder: BuildPorts['holder']): BuildPorts {
    const { images, layers, snapshotter, areas, state, clock, platform } = this.#store;
    const runner = {
      runtime: this.#store.runtime,
      snapshotter,
      areas,
      layers,
      holder,
      machine: once(() => this.#machine()),
    };
    return {
      images,
      pull: (reference, options) => this.images.pullBase(reference, { ...options, holder }),
      layers,
      snapshotter,
      areas,
      runner: new ContainerStepRunner(runner),
      records: state.cache,
      stats: state.stats,
      transaction: (body) => state.transaction(body),
      locks: state.locks,
      holder,
      clock,
      platform,
    };
  }

  #machine(): ReturnType<ConstructorParameters<typeof ContainerStepRunner>[0]['machine']> {
    const init = findExecutable('tini-static');
    if (init === undefined) {
      throw new Fault('unavailable', 'run a command: tini-static is not installed', { hint: 'apt-get install tini' });
    }
    const { architecture } = this.#store.platform;
    const seccomp = loadSeccomp({ architecture, capabilities: defaultCapabilities });
    return { seccomp, cgroup: { layout: cgroupLayout() }, init };
  }
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
