import type { Descriptor } from '../oci/index.ts';
import type { RemoteTarget } from './remote-target.ts';

/**
 * An OCI layout that is being written. An image in it is found only when it is listed in its `index.json`: `putManifest` with a
 * tag does that, `list` with a name of the layout's own, or with none.
 */
export interface LayoutTarget extends RemoteTarget, AsyncDisposable {
  /** Lists a manifest that was put. Whatever had the name before loses it. */
  list(descriptor: Descriptor, name: string | undefined): Promise<void>;

  /** All that was put is in its place. Disposed of without that, an archive leaves nothing behind. */
  finish(): Promise<void>;
}
