import type { DiffId } from '../oci/index.ts';
import type { LayerPacker } from '../layer/index.ts';
import type { TreeChange } from './tree-change.ts';

/**
 * From layers to trees that can be used.
 *
 * A **chain** is a stack of layers, lowest first. A **view** is its merged tree, mounted read-only. A **writable view**
 * has a layer of its own on top, in a **work folder**: what is changed in the view is kept there (`upper/`), nothing
 * below it ever changes, and removing the folder discards the changes. The **changes** of a work folder are what makes
 * its tree differ from the chain it was mounted on.
 *
 * Views are overlay mounts, attached below a folder of this process's choosing: they outlive it. The layers' own mounts
 * do not: they are private to the process and gone with it. The same chain may be in any number of views at once; a
 * work folder may be in one.
 *
 * There are two implementations with one suite (`snapshotter.suite.ts`): `erofs` lets the kernel mount the layers' tars,
 * `directory` unpacks each layer once. Work folders of one are work folders of the other.
 */
export interface Snapshotter extends Disposable {
  readonly kind: 'erofs' | 'directory';

  /**
   * Mounts the chain read-only on `target`, an existing empty folder. An empty chain is an empty folder of mode 0755.
   * Fault `not-found` if a layer is missing, `unsupported` for more layers than can be stacked.
   */
  view(chain: readonly DiffId[], target: string): MountedView;

  /**
   * Mounts the chain on `target` with the work folder on top. The folder is made where it is missing; a folder that
   * holds changes already is mounted with them. Fault as of `view`, and `conflict` if it is mounted elsewhere.
   */
  writable(chain: readonly DiffId[], options: WritableOptions): MountedView;

  /** What the work folder changed on its chain, sorted by path; parents of changes are listed as Docker lists them. */
  changes(chain: readonly DiffId[], workDir: string): readonly TreeChange[];

  /** Writes the changes as a layer; says what could not be kept. Nothing happens but when the next slice is asked for. */
  pack(chain: readonly DiffId[], workDir: string, packer: LayerPacker): PackSlices;

  /** The layers are deleted: drops what this implementation keeps of them. */
  forget(diffIds: readonly DiffId[]): void;
}

export interface WritableOptions {
  readonly workDir: string;
  readonly target: string;
  /**
   * For what does not outlive this process: nothing is brought to the disk, neither when a program asks for it nor when the
   * view is unmounted (which takes as long as the filesystem below has to write otherwise). A folder whose view was not
   * disposed of cannot be mounted again.
   */
  readonly volatile?: boolean;
}

/** An attached view. Disposing of it unmounts it, once; whoever wants it to stay does not dispose of it. */
export interface MountedView extends Disposable {
  readonly path: string;
}

/**
 * Packing as work in slices of some tens of milliseconds, for who has other things to do in between (`packInSlices`, or
 * `packAtOnce`). A slice gives the number of bytes written so far, the last one the report.
 */
export type PackSlices = Generator<number, PackReport, undefined>;

export interface PackReport {
  /** Entries of the layer, deletions included. */
  readonly entryCount: number;
  /** What a layer cannot hold and was left out: sockets. */
  readonly skippedSockets: number;
  /** Files that grew out of proportion: sparse on the disk, whole in the layer. */
  readonly inflated: readonly { readonly path: string; readonly storedBytes: number; readonly sizeBytes: number }[];
}
