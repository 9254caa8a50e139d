import type { DetachedMount, Mounts } from '../host/index.ts';
import type { LayerStore } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import type { LayerRoots } from './layer-roots.ts';

/**
 * Layers as the kernel mounts them: the index of each with its tars as devices. The mounts are detached, so that they
 * are nobody else's and end with this process; they are kept, because the next step needs all but one of them again.
 */
export class ErofsRoots implements LayerRoots {
  readonly kind = 'erofs';
  readonly #layers: LayerStore;
  readonly #mounts: Mounts;
  /** By path of the index. */
  readonly #mounted = new Map<string, DetachedMount>();

  constructor(layers: LayerStore, mounts: Mounts) {
    this.#layers = layers;
    this.#mounts = mounts;
  }

  root(chain: readonly DiffId[]): DetachedMount {
    const index = this.#layers.index(chain);
    const known = this.#mounted.get(index.path);
    if (known !== undefined) return known;
    const mount = this.#mounts.erofs({ image: index.path, devices: index.devices });
    this.#mounted.set(index.path, mount);
    return mount;
  }

  forget(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const mount of this.#mounted.values()) mount.close();
    this.#mounted.clear();
  }
}
