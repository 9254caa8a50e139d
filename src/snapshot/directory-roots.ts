import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Tree } from '../host/index.ts';
import type { LayerStore } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import type { LayerRoots } from './layer-roots.ts';
import { unpackLayer } from './unpack-layer.ts';

/**
 * Layers unpacked into folders, for machines that cannot mount their tars. What a folder holds is what the layer's index
 * says, so the folder is named like the index: by the layer, or by the chain where it depends on what lies below.
 */
export class DirectoryRoots implements LayerRoots {
  readonly kind = 'directory';
  readonly #layers: LayerStore;
  readonly #folder: string;
  readonly #trash: string;

  /** `root`: the store's. */
  constructor(layers: LayerStore, root: string) {
    this.#layers = layers;
    this.#folder = join(root, 'layers', 'unpacked');
    this.#trash = join(root, 'trash');
    for (const folder of [this.#folder, this.#trash]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  root(chain: readonly DiffId[]): string {
    const index = this.#layers.index(chain);
    const folder = join(this.#folder, basename(index.path, '.erofs'));
    if (existsSync(folder)) return folder;
    const temporary = `${basename(folder)}.${randomBytes(6).toString('hex')}`;
    using parent = Tree.open(this.#folder);
    try {
      unpackLayer(index, parent, bytesOf(temporary));
      this.#publish(parent, temporary, folder);
    } finally {
      parent.remove(bytesOf(temporary));
    }
    return folder;
  }

  /** Folders whose index is gone are of no use to anybody. */
  forget(diffIds: readonly DiffId[]): void {
    if (diffIds.length === 0) return;
    const indexes = join(this.#folder, '..', 'sha256');
    for (const name of readdirSync(this.#folder)) {
      if (!existsSync(join(indexes, `${name}.erofs`))) this.#discard(join(this.#folder, name));
    }
  }

  [Symbol.dispose](): void {
    // Folders are the store's, not this process's.
  }

  /** Somebody else may have been faster: both folders hold the same. */
  #publish(parent: Tree, temporary: string, folder: string): void {
    try {
      parent.rename(bytesOf(temporary), bytesOf(basename(folder)), { noReplace: true });
    } catch (error) {
      if (!existsSync(folder)) throw error;
    }
  }

  #discard(path: string): void {
    const name = randomBytes(8).toString('hex');
    renameSync(path, join(this.#trash, name));
    using trash = Tree.open(this.#trash);
    trash.remove(bytesOf(name));
  }
}
