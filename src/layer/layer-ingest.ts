import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { LayerIndexer, type IndexedLayer } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { faulting } from '../host/index.ts';
import { createDigester, toDiffId, type DiffId, type Digester } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { TarParser } from '../tar/index.ts';
import type { LayerFiles } from './layer-files.ts';
import type { LayerInfo, LayerWriter } from './layer-writer.ts';

/** A tar that is complete, hashed and indexed, and has no name in the store yet. */
export interface IngestedLayer extends LayerInfo {
  readonly temporaryPath: string;
  readonly indexed: IndexedLayer;
}

/** Writes, hashes and indexes a tar in one pass; `publish` gives it its place. */
export class LayerIngest implements LayerWriter {
  readonly #path: string;
  readonly #publish: (layer: IngestedLayer) => void;
  readonly #digester: Digester = createDigester();
  readonly #indexer = new LayerIndexer();
  readonly #parser: TarParser;
  readonly #pending = Buffer.allocUnsafe(pendingBytes);
  #pendingLength = 0;
  #fd: number;
  #sizeBytes = 0;
  #entryCount = 0;

  constructor(files: LayerFiles, publish: (layer: IngestedLayer) => void) {
    this.#path = files.temporary('tar');
    this.#publish = publish;
    this.#fd = openSync(this.#path, 'wx', 0o600);
    this.#parser = new TarParser({
      entry: (entry, place) => {
        this.#entryCount++;
        this.#indexer.add(entry, place);
        return undefined;
      },
    });
  }

  write(chunk: Uint8Array): void {
    if (chunk.length >= pendingBytes / 2) {
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
    this.#close();
    const diffId = toDiffId(this.#digester.digest());
    if (expected !== undefined && expected !== diffId) {
      throw new Fault('corrupt', `store layer ${expected}: its content hashes to ${diffId}`);
    }
    const info = { diffId, sizeBytes: this.#sizeBytes, entryCount: this.#entryCount };
    this.#publish({ ...info, temporaryPath: this.#path, indexed: this.#indexer.finish() });
    return info;
  }

  [Symbol.dispose](): void {
    this.#close();
    rmSync(this.#path, { force: true });
  }

  #flush(): void {
    if (this.#pendingLength > 0) this.#take(this.#pending.subarray(0, this.#pendingLength));
    this.#pendingLength = 0;
  }

  #take(bytes: Uint8Array): void {
    this.#parser.write(bytes);
    this.#digester.update(bytes);
    this.#sizeBytes += bytes.length;
    faulting('write', bytesOf(this.#path), () => writeFully(this.#fd, bytes));
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

const pendingBytes = 1 << 20;

export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
}
