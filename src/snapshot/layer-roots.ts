import type { DetachedMount } from '../host/index.ts';
import type { DiffId } from '../oci/index.ts';

/**
 * The trees of single layers, as directories that overlayfs stacks: deletions are character devices 0/0, directories
 * that hide what lies below bear `trusted.overlay.opaque`. This is where the two snapshotters differ.
 */
export interface LayerRoots extends Disposable {
  readonly kind: 'erofs' | 'directory';
  /**
   * The tree of each layer of `chain`, lowest first; the same object for the same tree. They stay usable until this
   * object is disposed of or told to forget them.
   */
  roots(chain: readonly DiffId[]): readonly LayerRoot[];
  /** These layers are deleted: what is kept of them goes. */
  forget(diffIds: readonly DiffId[]): void;
}

/** A mount of this process, or a folder. */
export type LayerRoot = DetachedMount | string;
