import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Tree, type Mounts } from '../host/index.ts';
import type { LayerPacker, LayerStore } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import type { LayerRoots } from './layer-roots.ts';
import { packChanges } from './pack-changes.ts';
import type { MountedView, PackReport, Snapshotter, WritableOptions } from './snapshotter.ts';
import { listChanges } from './list-changes.ts';
import type { TreeChange } from './tree-change.ts';

export interface OverlayOptions {
  readonly layers: LayerStore;
  readonly mounts: Mounts;
  /** How single layers become directories. */
  readonly roots: LayerRoots;
  /** A folder of the store of mode 0755 that is empty and stays so: what lies below the lowest layer. */
  readonly emptyDir: string;
}

/** Stacks the layers with the kernel's overlayfs. Images without a layer are a stack on nothing but an empty folder. */
export class OverlaySnapshotter implements Snapshotter {
  readonly #options: OverlayOptions;

  constructor(options: OverlayOptions) {
    this.#options = options;
    mkdirSync(options.emptyDir, { recursive: true, mode: 0o755 });
  }

  get kind(): 'erofs' | 'directory' {
    return this.#options.roots.kind;
  }

  view(chain: readonly DiffId[], target: string): MountedView {
    const { mounts, emptyDir } = this.#options;
    if (chain.length === 0) return this.#attach(mounts.bind(emptyDir, { readOnly: true }), target);
    return this.#attach(mounts.overlay({ lower: [...this.#lower(chain), emptyDir] }), target);
  }

  writable(chain: readonly DiffId[], options: WritableOptions): MountedView {
    const { mounts, emptyDir } = this.#options;
    const upper = join(options.workDir, 'upper');
    const work = join(options.workDir, 'work');
    mkdirSync(work, { recursive: true, mode: 0o700 });
    if (mkdirSync(upper, { recursive: true, mode: 0o700 }) !== undefined) this.#copyRoot(chain, upper);
    const lower = chain.length === 0 ? [emptyDir] : this.#lower(chain);
    return this.#attach(mounts.overlay({ lower, upper, work }), options.target);
  }

  changes(chain: readonly DiffId[], workDir: string): Iterable<TreeChange> {
    using below = this.#options.layers.tree(chain);
    using upper = Tree.open(join(workDir, 'upper'));
    return listChanges(upper, below);
  }

  pack(chain: readonly DiffId[], workDir: string, packer: LayerPacker): PackReport {
    using below = this.#options.layers.tree(chain);
    using upper = Tree.open(join(workDir, 'upper'));
    return packChanges(upper, below, packer);
  }

  forget(diffIds: readonly DiffId[]): void {
    this.#options.roots.forget(diffIds);
  }

  [Symbol.dispose](): void {
    this.#options.roots[Symbol.dispose]();
  }

  /** Topmost first, as overlayfs wants them. */
  #lower(chain: readonly DiffId[]): ReturnType<LayerRoots['root']>[] {
    return chain.map((_, position) => this.#options.roots.root(chain.slice(0, position + 1))).toReversed();
  }

  /** The merged root has the metadata of the topmost directory, so a fresh one must look like what is below. */
  #copyRoot(chain: readonly DiffId[], upper: string): void {
    using below = this.#options.layers.tree(chain);
    const { uid, gid, mode, mtime, xattrs } = below.root;
    using parent = Tree.open(join(upper, '..'));
    const name = bytesOf('upper');
    parent.setOwner(name, uid, gid);
    for (const [attribute, value] of xattrs) parent.setXattr(name, attribute, value);
    parent.setMode(name, mode);
    parent.setTimes(name, mtime);
  }

  #attach(mount: ReturnType<Mounts['overlay']>, target: string): MountedView {
    const { mounts } = this.#options;
    using attached = mount;
    mounts.attach(attached, target);
    let isMounted = true;
    return {
      path: target,
      [Symbol.dispose]: () => {
        if (isMounted) mounts.unmount(target, { detach: true });
        isMounted = false;
      },
    };
  }
}
