import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { ErofsImage, LayerIndexer, type IndexedLayer } from '../erofs/index.ts';
import { faulting } from '../host/index.ts';
import { chainIds, hexOf, parseDiffId, type ChainId, type DiffId } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { scanTar } from '../tar/index.ts';
import { FileReader } from './file-reader.ts';
import type { LayerFiles } from './layer-files.ts';
import { writeFully } from './layer-ingest.ts';
import type { LayerIndex } from './layer-store.ts';
import { LayerTree } from './layer-tree.ts';

/**
 * The EROFS images beside the tars. A self-contained layer has one, named like the layer. Any other has one for each
 * chain that it tops, named like the chain, since what it says depends on what lies below.
 */
export class LayerIndexes {
  readonly #files: LayerFiles;
  readonly #known = new Map<ChainId, LayerIndex>();

  constructor(files: LayerFiles) {
    this.#files = files;
  }

  /** The index of the top layer of `chain`, made if it is missing; those of the layers below are made first. */
  of(chain: readonly DiffId[]): LayerIndex {
    const id = chainIds(chain).at(-1) as ChainId;
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const found = this.#find(chain, id) ?? this.#make(chain);
    this.#known.set(id, found);
    return found;
  }

  /** Stores what a layer's ingest found, as far as it can be said without knowing the chain, or with it. */
  store(diffId: DiffId, indexed: IndexedLayer, below: readonly DiffId[] | undefined): void {
    if (indexed.selfContained) this.#write(this.#files.index(diffId), diffId, indexed, []);
    else if (below !== undefined) this.#write(this.#chainIndex([...below, diffId]), diffId, indexed, below);
  }

  /** The merged tree of `chain`, its files open. */
  tree(chain: readonly DiffId[]): LayerTree {
    return new LayerTree(chain.map((_, position) => this.of(chain.slice(0, position + 1))));
  }

  /** The files of the indexes that `chain` is mounted from. */
  pathsFor(chain: readonly DiffId[]): readonly string[] {
    return chain.map((_, position) => this.of(chain.slice(0, position + 1)).path);
  }

  /** Every index that points into the layer's tar: its own, and those of chains. */
  mentioning(diffId: DiffId): readonly string[] {
    const tar = this.#files.tar(diffId);
    const paths = this.#files.indexes().map((hex) => this.#files.index(parseDiffId(`sha256:${hex}`)));
    return paths.filter((path) => path === this.#files.index(diffId) || this.#devices(path).includes(tar));
  }

  /** Indexes were moved away. */
  forget(): void {
    this.#known.clear();
  }

  #find(chain: readonly DiffId[], id: ChainId): LayerIndex | undefined {
    const own = this.#files.index(chain.at(-1) as DiffId);
    const path = [own, this.#files.index(id)].find((each) => existsSync(each));
    return path === undefined ? undefined : { path, devices: this.#devices(path) };
  }

  /** An index names its tars itself: the tag of each device is the hex of a diff ID. */
  #devices(path: string): readonly string[] {
    using file = new FileReader(path);
    return ErofsImage.open(file.read).devices.map(({ tag }) => this.#files.tar(parseDiffId(`sha256:${tag}`)));
  }

  #make(chain: readonly DiffId[]): LayerIndex {
    const diffId = chain.at(-1) as DiffId;
    using tar = new FileReader(this.#files.tar(diffId));
    const indexer = new LayerIndexer();
    scanTar({ size: tar.sizeBytes, read: tar.read }, { entry: (entry, place) => void indexer.add(entry, place) });
    const indexed = indexer.finish();
    const path = indexed.selfContained ? this.#files.index(diffId) : this.#chainIndex(chain);
    this.#write(path, diffId, indexed, chain.slice(0, -1));
    return { path, devices: this.#devices(path) };
  }

  #chainIndex(chain: readonly DiffId[]): string {
    return this.#files.index(chainIds(chain).at(-1) as ChainId);
  }

  #write(path: string, diffId: DiffId, indexed: IndexedLayer, below: readonly DiffId[]): void {
    if (existsSync(path)) return;
    using tar = new FileReader(this.#files.tar(diffId));
    using lower = indexed.selfContained ? undefined : this.tree(below);
    const temporary = this.#files.temporary('erofs');
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      const source = { tag: hexOf(diffId), sizeBytes: tar.sizeBytes, read: tar.read };
      const options = lower?.merged === undefined ? { tar: source } : { tar: source, below: lower.merged };
      faulting('write', bytesOf(temporary), () => indexed.write(options, (chunk) => writeFully(fd, chunk)));
      this.#files.publish(temporary, path);
    } finally {
      closeSync(fd);
      rmSync(temporary, { force: true });
    }
  }
}
