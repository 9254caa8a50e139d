import type { BlobStore } from '../blob/index.ts';
import type { Mounts } from '../host/index.ts';
import type { ProxySettings } from '../http/index.ts';
import type { ImageStore } from '../image/index.ts';
import type { LayerStore } from '../layer/index.ts';
import type { IsolatedNetworks } from '../network/index.ts';
import type { Platform } from '../oci/index.ts';
import type { RegistryAccess } from '../registry/index.ts';
import type { Monitor, Runtimes } from '../runtime/index.ts';
import type { CacheMounts, Snapshotter, WorkAreas } from '../snapshot/index.ts';
import type { State } from '../state/index.ts';
import type { Clock } from '../std/index.ts';

/**
 * Everything that the use cases work on: one store, opened by one process, and the machine under it. Each use case takes
 * the parts that it needs.
 */
export interface Store {
  /** The store's folder. */
  readonly root: string;
  /** The volatile folder of this store alone. */
  readonly runRoot: string;
  readonly state: State;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  readonly mounts: Mounts;
  readonly snapshotter: Snapshotter;
  /** Why it is this snapshotter. */
  readonly snapshotterReason: string;
  readonly areas: WorkAreas;
  readonly cacheMounts: CacheMounts;
  readonly runtimes: Runtimes;
  /** Fault `unavailable` where conmon is missing; asked for when something is to run. */
  readonly monitor: () => Monitor;
  readonly networks: IsolatedNetworks;
  readonly clock: Clock;
  readonly platform: Platform;
  readonly version: string;
  /** What registries are reached through. */
  readonly proxies: ProxySettings;
  /** Who one is to registries, and how they are reached. */
  readonly registries: RegistryAccess;
  /** Program and arguments of a command that calls back: `containerEnded` of the container with this ID. */
  readonly endCommand: (containerId: string) => readonly string[];
}
