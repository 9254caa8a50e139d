import { existsSync } from 'node:fs';
import { LayerIndexer } from '../erofs/index.ts';
import { chainIds, hexOf, type ChainId, type DiffId } from '../oci/index.ts';
import { scanTar } from '../tar/index.ts';
import { FileReader } from './file-reader.ts';
import type { LayerFiles } from './layer-files.ts';
import { LayerIndexes } from './layer-indexes.ts';

export interface IndexVerdict {
  /** `absent`: none is stored; it is made when it is asked for. `damaged`: it is not what the tar says. */
  readonly kind: 'whole' | 'absent' | 'damaged';
  /** Where the index is, or would be if the layer needs nothing of what lies below. */
  readonly path: string;
}

/**
 * Makes the index of the top layer of `chain` once more, in memory, and compares it with the one that is stored. The tars
 * of the chain must be whole; so must the indexes of the layers below, which are made where they are missing.
 *
 * Fault `invalid` or `corrupt` where the tar is no layer that could have an index.
 */
export function verifyIndex(files: LayerFiles, chain: readonly DiffId[]): IndexVerdict {
  const diffId = chain.at(-1) as DiffId;
  const paths = [files.index(diffId), files.chainIndex(chainIds(chain).at(-1) as ChainId)];
  const path = paths.find((each) => existsSync(each)) ?? files.index(diffId);
  using tar = new FileReader(files.tar(diffId));
  const indexer = new LayerIndexer();
  scanTar({ size: tar.sizeBytes, read: tar.read }, { entry: (entry, place) => void indexer.add(entry, place) });
  if (!existsSync(path)) return { kind: 'absent', path };
  const indexed = indexer.finish();
  const indexes = new LayerIndexes({ files, isDurable: () => false });
  using lower = indexes.tree(indexed.selfContained ? [] : chain.slice(0, -1));
  const source = { tag: hexOf(diffId), sizeBytes: tar.sizeBytes, read: tar.read };
  using stored = new StoredBytes(path);
  indexed.write({ tar: source, below: lower.merged }, stored.compare);
  return { kind: stored.areEqual ? 'whole' : 'damaged', path };
}

/** A file that is compared with bytes that come front to back. */
class StoredBytes implements Disposable {
  readonly #file: FileReader;
  #offset = 0;
  #equal = true;

  constructor(path: string) {
    this.#file = new FileReader(path);
  }

  readonly compare = (expected: Uint8Array): void => {
    if (this.#equal) this.#equal = Buffer.compare(this.#file.read(this.#offset, expected.length), expected) === 0;
    this.#offset += expected.length;
  };

  get areEqual(): boolean {
    return this.#equal && this.#offset === this.#file.sizeBytes;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
