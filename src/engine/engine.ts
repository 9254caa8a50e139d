import type { BuildOptions, BuildResult, CheckedBuild, BuildCheckOptions } from '../build/index.ts';
import type { Caches } from './caches.ts';
import type { Containers } from './containers.ts';
import type { ContextListOptions, ContextRow } from './context-listing.ts';
import type { Images } from './images.ts';
import type { Registry, RegistryOptions } from './registry/registry.ts';
import type { Registries } from './registries.ts';
import type { System } from './system.ts';

/**
 * varve as a library: every use case as a plain call, over one store. It knows neither HTTP nor a terminal.
 *
 * All methods may be called at once, from several processes too: the store coordinates them. Every failure is a
 * Fault. Dispose of it when done: mounts and locks that this process holds are let go of.
 */
export interface Engine extends AsyncDisposable {
  readonly images: Images;
  readonly containers: Containers;
  readonly caches: Caches;
  readonly registries: Registries;
  readonly system: System;

  /**
   * Builds an image from a Dockerfile. Steps that were done before are reused; `onEvent` tells which, and why the
   * others were not. Fault `invalid` with the place in the Dockerfile, or of the failing step's kind; the steps before
   * it stay reusable.
   */
  build(options: BuildOptions): Promise<BuildResult>;

  /**
   * Checks the Dockerfile of a build by BuildKit's build checks, and builds nothing. Fault `not-found` if there is none.
   */
  checkBuild(options: BuildCheckOptions): Promise<CheckedBuild>;

  /**
   * What a build of a directory would see of it, or what its ignore file leaves out, with the line that decided each: in
   * bytewise order, in batches, read as they are asked for. Fault `not-found` if there is no such directory.
   */
  listContext(options: ContextListOptions): AsyncIterable<readonly ContextRow[]>;

  /** This store as the content of a registry, until it is disposed of. */
  openRegistry(options: RegistryOptions): Promise<Registry>;
}
