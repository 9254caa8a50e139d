import { existsSync, mkdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { setRootStatus, Tree, type DetachedMount, type Mounts, type RootStatus } from '../host/index.ts';
import type { LayerPacker, LayerStore } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import type { LayerRoot, LayerRoots } from './layer-roots.ts';
import { listChanges } from './list-changes.ts';
import { packChanges } from './pack-changes.ts';
import type { MountedView, PackSlices, Snapshotter, WritableOptions } from './snapshotter.ts';
import type { TreeChange } from './tree-change.ts';

export interface OverlayOptions {
  readonly layers: LayerStore;
  readonly mounts: Mounts;
  /** How single layers become directories. */
  readonly roots: LayerRoots;
}

/** Stacks the layers with the kernel's overlayfs. */
export class OverlaySnapshotter implements Snapshotter {
  readonly #options: OverlayOptions;

  constructor(options: OverlayOptions) {
    this.#options = options;
  }

  get kind(): 'erofs' | 'directory' {
    return this.#options.roots.kind;
  }

  view(chain: readonly DiffId[], target: string): MountedView {
    const layers = this.#lower(chain);
    using top = this.#bareRoot(this.#rootStatus(chain));
    using bottom = this.#bareRoot(freshRoot);
    using mount = this.#options.mounts.overlay({ lower: [top, ...(layers.length === 0 ? [bottom] : layers)] });
    return this.#attach(mount, target);
  }

  writable(chain: readonly DiffId[], options: WritableOptions): MountedView {
    const { workDir, target, volatile = false } = options;
    const layers = this.#lower(chain);
    const upper = join(workDir, 'upper');
    const work = join(workDir, 'work');
    mkdirSync(work, { recursive: true, mode: 0o700 });
    if (!existsSync(upper)) this.#makeUpper(chain, upper);
    this.#requireUnused(upper);
    using bottom = this.#bareRoot(freshRoot);
    using mount = this.#options.mounts.overlay({
      lower: layers.length === 0 ? [bottom] : layers,
      upper,
      work,
      options: volatile ? { volatile: '' } : {},
    });
    return this.#attach(mount, target, () => {
      if (volatile) rmSync(join(work, 'work', 'incompat'), { recursive: true, force: true });
    });
  }

  changes(chain: readonly DiffId[], workDir: string): readonly TreeChange[] {
    using below = this.#options.layers.tree(chain);
    using upper = Tree.open(join(workDir, 'upper'));
    return listChanges(upper, below);
  }

  *pack(chain: readonly DiffId[], workDir: string, packer: LayerPacker): PackSlices {
    using below = this.#options.layers.tree(chain);
    using upper = Tree.open(join(workDir, 'upper'));
    return yield* packChanges(upper, below, packer);
  }

  forget(diffIds: readonly DiffId[]): void {
    if (diffIds.length > 0) this.#options.roots.forget(diffIds);
  }

  [Symbol.dispose](): void {
    this.#options.roots[Symbol.dispose]();
  }

  /**
   * Topmost first, as overlayfs wants them. A tree that is in the stack twice, which overlayfs refuses, stays at its
   * upper place: it covers there all that it held further down.
   */
  #lower(chain: readonly DiffId[]): readonly LayerRoot[] {
    if (chain.length > maxLayers) {
      const hint = `overlayfs stacks ${maxLayers} at most; build the image with fewer steps, or squash it`;
      throw new Fault('unsupported', `mount ${chain.length} layers: these are too many`, { hint });
    }
    return [...new Set(this.#options.roots.roots(chain).toReversed())];
  }

  /**
   * What the merged root looks like. The kernel shows that of the topmost directory alone, and a layer need not have an
   * entry for the root.
   */
  #rootStatus(chain: readonly DiffId[]): RootStatus {
    using tree = this.#options.layers.tree(chain);
    return tree.root;
  }

  /** An empty directory that nobody can write to or find. */
  #bareRoot(status: RootStatus): DetachedMount {
    const mount = this.#options.mounts.tmpfs({ sizeBytes: 4096 });
    try {
      using tree = Tree.open(mount.path);
      setRootStatus(tree, status);
      return mount;
    } catch (error) {
      mount.close();
      throw error;
    }
  }

  /** It has its name only once it looks like the root that it hides. */
  #makeUpper(chain: readonly DiffId[], upper: string): void {
    const unfinished = `${upper}.new`;
    mkdirSync(unfinished, { recursive: true, mode: 0o700 });
    using tree = Tree.open(unfinished);
    setRootStatus(tree, this.#rootStatus(chain));
    renameSync(unfinished, upper);
  }

  /** Without an index the kernel lets two overlays write to one directory, and says that nobody knows what happens then. */
  #requireUnused(upper: string): void {
    const option = bytesOf(`upperdir=${realpathSync(upper)}`);
    const user = this.#options.mounts.list().find((mount) => mount.superOptions.includes(option));
    if (user !== undefined) throw new Fault('conflict', `mount ${upper}: it is mounted at ${user.target} already`);
  }

  #attach(mount: DetachedMount, target: string, afterwards?: () => void): MountedView {
    const { mounts } = this.#options;
    mounts.attach(mount, target);
    let isMounted = true;
    return {
      path: target,
      [Symbol.dispose]: () => {
        if (!isMounted) return;
        isMounted = false;
        mounts.unmount(target, { detach: true });
        afterwards?.();
      },
    };
  }
}

/** Overlayfs takes 500 directories, one of which is the root's. */
const maxLayers = 499;

const freshRoot: RootStatus = { uid: 0, gid: 0, mode: 0o755, mtime: { sec: 0, nsec: 0 }, xattrs: new Map() };
