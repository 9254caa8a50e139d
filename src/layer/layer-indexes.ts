import { existsSync } from 'node:fs';
import { ErofsImage, LayerIndexer, type IndexedLayer } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { syncPath } from '../host/index.ts';
import { chainIds, hexOf, parseDiffId, type ChainId, type DiffId } from '../oci/index.ts';
import { scanTar } from '../tar/index.ts';
import { FileReader } from './file-reader.ts';
import { FileWriter } from './file-writer.ts';
import type { LayerFiles } from './layer-files.ts';
import type { LayerIndex } from './layer-store.ts';
import { LayerTree } from './layer-tree.ts';

export interface LayerIndexesOptions {
  readonly files: LayerFiles;
  /** True for a layer that is on the disk for good: what is written for it from then on has to be too. */
  readonly isDurable: (diffId: DiffId) => boolean;
}

/** A layer that was read to its end, wherever its tar is by now. */
export interface ReadLayer {
  readonly diffId: DiffId;
  readonly tarPath: string;
  readonly indexed: IndexedLayer;
}

/** An index that is written and has no name yet. What is not published is removed when it is disposed of. */
export interface IndexDraft extends Disposable {
  /** Where it is to be. */
  readonly path: string;
  readonly file: FileWriter;
}

/**
 * The EROFS images beside the tars. A self-contained layer has one, named like the layer. Any other has one for each
 * chain that it tops, named like the chain, since what it says depends on what lies below.
 */
export class LayerIndexes {
  readonly #files: LayerFiles;
  readonly #isDurable: (diffId: DiffId) => boolean;
  readonly #known = new Map<ChainId, LayerIndex>();

  constructor(options: LayerIndexesOptions) {
    this.#files = options.files;
    this.#isDurable = options.isDurable;
  }

  /** The index of each layer of `chain`, lowest first. Those that are missing are made. */
  of(chain: readonly DiffId[]): readonly LayerIndex[] {
    return chainIds(chain).map((id, position) => this.#of(id, chain.slice(0, position + 1)));
  }

  /** The merged tree of `chain`, its files open. */
  tree(chain: readonly DiffId[]): LayerTree {
    return new LayerTree(this.of(chain));
  }

  /**
   * Writes the index of a layer, without giving it its name yet. Undefined where it is there already, or where it takes
   * what is below to say it and that is not known.
   */
  draft(layer: ReadLayer, below: readonly DiffId[] | undefined): IndexDraft | undefined {
    const path = this.#pathFor(layer, below);
    if (path === undefined || existsSync(path)) return undefined;
    const file = new FileWriter(this.#files.temporary('erofs'));
    try {
      this.#write(layer, below ?? [], file);
      return { path, file, [Symbol.dispose]: file[Symbol.dispose].bind(file) };
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  publish({ path, file }: IndexDraft, diffId: DiffId): void {
    this.#files.publish(file.path, path);
    if (this.#isDurable(diffId)) for (const each of [path, this.#files.folder]) syncPath(each);
  }

  /** Every index of these layers, on whatever chain: an index names its own layer's tar as its first device. */
  ofLayers(diffIds: readonly DiffId[]): readonly string[] {
    const tars = new Set(diffIds.map((diffId) => this.#files.tar(diffId)));
    return this.#files.indexes().filter((path) => tars.has(this.#devices(path)?.[0] ?? ''));
  }

  /** Every index that points into the layer's tar: its own, and those of layers with links to its files. */
  mentioning(diffId: DiffId): readonly string[] {
    const tar = this.#files.tar(diffId);
    return this.#files.indexes().filter((path) => this.#devices(path)?.includes(tar));
  }

  #of(id: ChainId, chain: readonly DiffId[]): LayerIndex {
    const known = this.#known.get(id);
    if (known !== undefined && existsSync(known.path)) return known;
    const index = this.#find(id, chain) ?? this.#make(chain);
    this.#known.set(id, index);
    return index;
  }

  #find(id: ChainId, chain: readonly DiffId[]): LayerIndex | undefined {
    for (const path of [this.#files.index(topOf(chain)), this.#files.chainIndex(id)]) {
      if (!existsSync(path)) continue;
      const devices = this.#devices(path);
      if (devices !== undefined) return { path, devices };
      this.#files.discard(path);
    }
    return undefined;
  }

  /**
   * The tars that an index points into, which it names itself: the tag of each device is the hex of a diff ID. Undefined
   * for a file that is no index: a power cut left it so, it is made again.
   */
  #devices(path: string): readonly string[] | undefined {
    using file = new FileReader(path);
    try {
      return ErofsImage.open(file.read).devices.map(({ tag }) => this.#files.tar(parseDiffId(`sha256:${tag}`)));
    } catch (error) {
      if (Fault.is(error, 'corrupt') || Fault.is(error, 'invalid')) return undefined;
      throw error;
    }
  }

  #make(chain: readonly DiffId[]): LayerIndex {
    const diffId = topOf(chain);
    const below = chain.slice(0, -1);
    using indexed = indexTar(this.#files.tar(diffId));
    const layer = { diffId, tarPath: this.#files.tar(diffId), indexed };
    const path = this.#pathFor(layer, below) as string;
    using draft = this.draft(layer, below);
    if (draft !== undefined) this.publish(draft, diffId);
    return { path, devices: this.#devices(path) ?? [] };
  }

  #pathFor({ diffId, indexed }: ReadLayer, below: readonly DiffId[] | undefined): string | undefined {
    if (indexed.selfContained) return this.#files.index(diffId);
    return below === undefined ? undefined : this.#files.chainIndex(chainIds([...below, diffId]).at(-1) as ChainId);
  }

  #write({ diffId, tarPath, indexed }: ReadLayer, below: readonly DiffId[], file: FileWriter): void {
    using tar = new FileReader(tarPath);
    using lower = this.tree(indexed.selfContained ? [] : below);
    const source = { tag: hexOf(diffId), sizeBytes: tar.sizeBytes, read: tar.read };
    indexed.write({ tar: source, below: lower.merged }, file.write);
    file.close();
  }
}

function indexTar(path: string): IndexedLayer {
  using tar = new FileReader(path);
  const indexer = new LayerIndexer();
  const window = Buffer.allocUnsafeSlow(windowBytes);
  const read = (at: number, length: number): Uint8Array => tar.readInto(window.subarray(0, length), at);
  scanTar({ size: tar.sizeBytes, read }, { entry: (entry, place) => void indexer.add(entry, place) });
  return indexer.finish();
}

/** No less than what the scan asks for at once. */
const windowBytes = 1 << 20;

function topOf(chain: readonly DiffId[]): DiffId {
  return chain.at(-1) as DiffId;
}
