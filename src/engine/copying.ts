import type { LayerPacking, PullEvent } from '../image/index.ts';
import type { Platform } from '../oci/index.ts';
import type { RegistryClient } from '../registry/index.ts';
import type { Lease } from '../state/index.ts';
import type { CopyOptions } from './images.ts';
import type { Store } from './store.ts';

/** What both ends of a copy work with. */
export interface Copying {
  readonly store: Store;
  /** Not taken between registries, as long as nobody asks for it. */
  readonly lease: Lease;
  readonly client: RegistryClient;
  readonly options: CopyOptions;
  readonly platform: Platform;
  /** How layers leave that were not pulled; undefined where they go as they are. */
  readonly packing: LayerPacking | undefined;
  readonly onEvent: (event: PullEvent) => void;
}
