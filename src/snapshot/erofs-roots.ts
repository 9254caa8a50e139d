import type { DetachedMount, Mounts } from '../host/index.ts';
import type { LayerIndex, LayerStore } from '../layer/index.ts';
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

  roots(chain: readonly DiffId[]): readonly DetachedMount[] {
    return this.#layers.indexes(chain).map((index) => this.#mounted.get(index.path) ?? this.#mount(index));
  }

  /** A view that stands on a mount keeps it: closing them all costs no more than mounting some again. */
  forget(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const mount of this.#mounted.values()) mount.close();
    this.#mounted.clear();
  }

  #mount({ path, devices }: LayerIndex): DetachedMount {
    const mount = this.#mounts.erofs({ image: path, devices });
    this.#mounted.set(path, mount);
    return mount;
  }
}
