import { LayerIndexer, type IndexedLayer } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { createDigester, toDiffId, type DiffId, type Digester } from '../oci/index.ts';
import { TarParser } from '../tar/index.ts';
import { FileWriter } from './file-writer.ts';
import type { LayerFiles } from './layer-files.ts';
import type { LayerInfo, LayerWriter } from './layer-writer.ts';

/** A tar that is complete, hashed and read, and has no name in the store yet. */
export interface IngestedLayer extends LayerInfo {
  readonly tarPath: string;
  readonly indexed: IndexedLayer;
}

/** Writes, hashes and indexes a tar in one pass; `publish` gives it its place. */
export class LayerIngest implements LayerWriter {
  readonly #file: FileWriter;
  readonly #publish: (layer: IngestedLayer) => void;
  readonly #digester: Digester = createDigester();
  readonly #indexer = new LayerIndexer();
  readonly #parser: TarParser;
  readonly #pending = Buffer.allocUnsafeSlow(pendingBytes);
  #pendingLength = 0;
  #sizeBytes = 0;
  #entryCount = 0;

  constructor(files: LayerFiles, publish: (layer: IngestedLayer) => void) {
    this.#file = new FileWriter(files.temporary('tar'));
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
    if (chunk.length >= pendingBytes / 4) {
      this.#flush();
      return this.#take(chunk);
    }
    if (this.#pendingLength + chunk.length > pendingBytes) this.#flush();
    this.#pending.set(chunk, this.#pendingLength);
    this.#pendingLength += chunk.length;
  }

  commit(expected?: DiffId): LayerInfo {
    this.#flush();
    this.#parser.end();
    this.#file.close();
    const diffId = toDiffId(this.#digester.digest());
    if (expected !== undefined && expected !== diffId) {
      throw new Fault('corrupt', `store layer ${expected}: its content hashes to ${diffId}`);
    }
    const info = { diffId, sizeBytes: this.#sizeBytes, entryCount: this.#entryCount };
    using indexed = this.#indexer.finish();
    this.#publish({ ...info, tarPath: this.#file.path, indexed });
    return info;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #flush(): void {
    if (this.#pendingLength > 0) this.#take(this.#pending.subarray(0, this.#pendingLength));
    this.#pendingLength = 0;
  }

  #take(bytes: Uint8Array): void {
    this.#parser.write(bytes);
    this.#digester.update(bytes);
    this.#sizeBytes += bytes.length;
    this.#file.write(bytes);
  }
}

/** Small writes are gathered: a header and a small file's content do not make a call each. */
const pendingBytes = 1 << 20;
