import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { lock, Tree } from '../host/index.ts';
import { bytesOf, type ByteString } from '../std/index.ts';
import type { Documents, JsonBody } from '../state/index.ts';
import { copyRootMetadata, copyTree } from '../snapshot/index.ts';

/**
 * Named folders that outlive containers. Each is a document and a folder `volumes/<name>/`, which holds the files in
 * `_data`. What is in an image at the place where a still empty volume is mounted first becomes its content.
 */
export class Volumes {
  readonly #root: string;
  readonly #documents: Documents<JsonBody>;

  constructor(options: { readonly root: string; readonly documents: Documents<JsonBody> }) {
    this.#root = join(options.root, 'volumes');
    this.#documents = options.documents;
  }

  /** Makes the volume if there is none of this name; without a name, a fresh one. Gives its name. */
  create(name: string | undefined, created: string): string {
    const id = name ?? randomBytes(32).toString('hex');
    if (this.#documents.get(id) === undefined) {
      this.#documents.put({ id, body: { created, anonymous: name === undefined, fresh: true } });
    }
    mkdirSync(this.dataPath(id), { recursive: true, mode: 0o755 });
    return id;
  }

  /** Where the files are. The folder above is the store's own, of mode 0700. */
  dataPath(name: string): string {
    return join(this.#root, name, '_data');
  }

  /**
   * To be called before the volume is mounted. One that never was gets what is in the directory `path` of `rootfs`, if
   * there is one: the whole, or on failure nothing. Who mounts it at the same time waits.
   */
  async fill(name: string, rootfs: Tree, { path, signal }: FillOptions): Promise<void> {
    if (!this.#isFresh(name)) return;
    using _held = await lock(join(this.#root, name, 'lock'), 'exclusive', { signal });
    const document = this.#documents.get(name);
    if (document === undefined || !this.#isFresh(name)) return;
    const inside = bytesOf(path);
    const hasContent = rootfs.stat(inside, { follow: true })?.type === 'dir';
    if (hasContent && readdirSync(this.dataPath(name)).length === 0) this.#copyWhole(name, rootfs, inside);
    this.#documents.put({ id: name, body: { ...document.body, fresh: false } });
  }

  /** The name goes first: what is cut short leaves a folder that nothing names. */
  remove(name: string): void {
    this.#documents.remove(name);
    if (!existsSync(this.#root)) return;
    using tree = Tree.open(this.#root);
    tree.remove(bytesOf(name));
  }

  #isFresh(name: string): boolean {
    return this.#documents.get(name)?.body['fresh'] === true;
  }

  #copyWhole(name: string, rootfs: Tree, path: ByteString): void {
    using source = rootfs.openTree(path);
    using folder = Tree.open(join(this.#root, name));
    const fresh = bytesOf('_new');
    folder.remove(fresh);
    folder.mkdir(fresh, 0o700);
    {
      using target = folder.openTree(fresh);
      copyTree(source, target);
    }
    copyRootMetadata(source, folder, fresh);
    renameSync(join(this.#root, name, '_new'), this.dataPath(name));
  }
}

export interface FillOptions {
  /** Where in the container the volume is mounted. */
  readonly path: string;
  readonly signal: AbortSignal;
}
