import { LayerIndexer, type IndexedLayer } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { toDiffId, type DiffId } from '../oci/index.ts';
import { formatHeader, TarParser, type TarEntry } from '../tar/index.ts';
import { HashedFile } from './hashed-file.ts';
import type { LayerFiles } from './layer-files.ts';
import type { LayerInfo, LayerWriter } from './layer-writer.ts';

/** A tar that is complete, hashed and read, and has no name in the store yet. */
export interface IngestedLayer extends LayerInfo {
  readonly tarPath: string;
  readonly indexed: IndexedLayer;
}

/** Writes, hashes and indexes a tar in one pass; `publish` gives it its place. */
export class LayerIngest implements LayerWriter {
  readonly #file: HashedFile;
  readonly #publish: (layer: IngestedLayer) => void;
  readonly #indexer = new LayerIndexer();
  readonly #parser: TarParser;
  readonly #pending = Buffer.allocUnsafeSlow(pendingBytes);
  #pendingLength = 0;
  #entryCount = 0;

  constructor(files: LayerFiles, publish: (layer: IngestedLayer) => void) {
    this.#file = new HashedFile(files.temporary('tar'));
    this.#publish = publish;
    this.#parser = new TarParser({
      entry: (entry, place) => {
        this.#entryCount++;
        this.#indexer.add(entry, place);
        return undefined;
      },
    });
  }

  write(chunk: Uint8Array): void {
    this.#parser.write(chunk);
    this.#keep(chunk);
  }

  writeHeader(entry: TarEntry): void {
    const header = formatHeader(entry);
    this.#parser.passHeader(entry, header.length);
    this.#keep(header);
  }

  commit(expected?: DiffId): LayerInfo {
    this.#flush();
    this.#parser.end();
    const diffId = toDiffId(this.#file.finish());
    if (expected !== undefined && expected !== diffId) {
      throw new Fault('corrupt', `store layer ${expected}: its content hashes to ${diffId}`);
    }
    const info = { diffId, sizeBytes: this.#file.sizeBytes, entryCount: this.#entryCount };
    using indexed = this.#indexer.finish();
    this.#publish({ ...info, tarPath: this.#file.path, indexed });
    return info;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /** Takes bytes that were read. */
  #keep(bytes: Uint8Array): void {
    const isLarge = bytes.length >= pendingBytes / 4;
    if (isLarge || this.#pendingLength + bytes.length > pendingBytes) this.#flush();
    if (isLarge) return this.#store(bytes);
    this.#pending.set(bytes, this.#pendingLength);
    this.#pendingLength += bytes.length;
  }

  #flush(): void {
    if (this.#pendingLength > 0) this.#store(this.#pending.subarray(0, this.#pendingLength));
    this.#pendingLength = 0;
  }

  #store(bytes: Uint8Array): void {
    this.#file.write(bytes, this.#file.sizeBytes > this.#entryCount * worthAThreadBytes);
  }
}

/** Small writes are gathered: a header and a small file's content do not make a call each. */
const pendingBytes = 1 << 20;

/** Bytes an entry from which on hashing and writing them, not reading the entries, is what takes the time. */
const worthAThreadBytes = 2048;
