import type { BuildOptions, BuildResult, CheckedBuild, BuildCheckOptions } from '../build/index.ts';
import { listContext, type ContextListOptions, type ContextRow } from './context-listing.ts';
import type { Engine } from './engine.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { LocalCaches } from './local-caches.ts';
import { LocalContainers } from './local-containers.ts';
import { LocalImages } from './local-images.ts';
import { LocalRegistries } from './local-registries.ts';
import { LocalSystem } from './local-system.ts';
import type { Registry, RegistryOptions } from './registry/registry.ts';
import type { Store } from './store.ts';

/** The use cases over one open store. */
export class LocalEngine implements Engine {
  readonly images: LocalImages;
  readonly containers: LocalContainers;
  readonly caches: LocalCaches;
  readonly registries: LocalRegistries;
  readonly system: LocalSystem;
  readonly #store: Store;
  readonly #collector: GarbageCollector;

  constructor(store: Store) {
    this.#store = store;
    const collector = new GarbageCollector({
      ...store,
      cache: store.state.cache,
      leases: store.state.leases,
      containerChains: () => this.containers.chains(),
      transaction: (body) => store.state.transaction(body),
    });
    this.#collector = collector;
    this.images = new LocalImages(store, { collector, usedBy: (imageId) => this.containers.usingImage(imageId) });
    this.containers = new LocalContainers(store, { ensureImage: (name, options) => this.images.ensure(name, options) });
    this.caches = new LocalCaches(store.cacheMounts);
    this.registries = new LocalRegistries(store);
    this.system = new LocalSystem(store, { collector, containers: this.containers });
  }

  async build(options: BuildOptions): Promise<BuildResult> {
    // The builder is loaded by those who build: a container starts sooner without it.
    const { runBuild } = await import('./run-build.ts');
    await this.containers.sweep();
    try {
      return await runBuild(this.#store, this.images, options);
    } finally {
      this.#store.areas.settle();
    }
  }

  async checkBuild(options: BuildCheckOptions): Promise<CheckedBuild> {
    const { runBuildCheck } = await import('./run-build.ts');
    return runBuildCheck(this.#store, options);
  }

  listContext(options: ContextListOptions): AsyncIterable<readonly ContextRow[]> {
    return listContext(options);
  }

  async openRegistry(options: RegistryOptions): Promise<Registry> {
    const { LocalRegistry } = await import('./registry/local-registry.ts');
    return new LocalRegistry(this.#store, { ...options, collector: this.#collector });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.snapshotter[Symbol.dispose]();
    this.#store.state[Symbol.dispose]();
  }
}
