import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { renameNew, syncFileSystem, Tree } from '../host/index.ts';
import { Fault } from '../errors/index.ts';
import { LayerFiles, type LayerIndex, type LayerStore } from '../layer/index.ts';
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
  readonly #files: LayerFiles;
  readonly #folder: string;

  /** `root`: the store's. */
  constructor(layers: LayerStore, root: string) {
    this.#layers = layers;
    this.#files = new LayerFiles(root);
    this.#folder = join(root, 'layers', 'unpacked');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  roots(chain: readonly DiffId[]): readonly string[] {
    return this.#layers.indexes(chain).map((index) => {
      const folder = join(this.#folder, nameOf(index.path));
      if (!existsSync(folder)) this.#unpack(index, folder);
      return folder;
    });
  }

  /** Folders whose index is gone are of no use to anybody. */
  forget(): void {
    const wanted = new Set(this.#files.indexes().map(nameOf));
    for (const name of readdirSync(this.#folder)) {
      if (!wanted.has(name)) this.#files.discard(join(this.#folder, name));
    }
  }

  [Symbol.dispose](): void {
    // Folders are the store's, not this process's.
  }

  /** Nothing tells later whether a folder is whole, so it is on the disk before it has its name. */
  #unpack(index: LayerIndex, folder: string): void {
    const temporary = this.#files.temporary('tree');
    using parent = Tree.open(dirname(temporary));
    try {
      unpackLayer(index, parent, bytesOf(basename(temporary)));
      syncFileSystem(temporary);
      publish(temporary, folder);
    } finally {
      parent.remove(bytesOf(basename(temporary)));
    }
  }
}

function nameOf(indexPath: string): string {
  return basename(indexPath, '.erofs');
}

/** Somebody else may have been faster: both folders hold the same. */
function publish(temporary: string, folder: string): void {
  try {
    renameNew(temporary, folder);
  } catch (error) {
    if (!Fault.is(error, 'already-exists') && !existsSync(folder)) throw error;
  }
}
