import { Fault } from '../errors/index.ts';
import { bootId, syncPath } from '../host/index.ts';
import { createDigester, parseDiffId, toDiffId, toDigest, type DiffId } from '../oci/index.ts';
import type { LayerRecord, LayerRecords } from '../state/index.ts';
import type { Clock } from '../std/index.ts';
import { FileReader } from './file-reader.ts';
import type { LayerFiles } from './layer-files.ts';
import { LayerIndexes } from './layer-indexes.ts';
import { LayerIngest, type IngestedLayer } from './layer-ingest.ts';
import { LayerPacker } from './layer-packer.ts';
import type { LayerIndex, LayerStore, OpenTree, TarFile } from './layer-store.ts';
import type { LayerHolder, LayerInfo, LayerWriter, PackerOptions, WriterOptions } from './layer-writer.ts';

export interface FileLayerStoreOptions {
  readonly files: LayerFiles;
  readonly records: LayerRecords;
  readonly clock: Clock;
}

/** Layers as files of the store's folder, with a record for each in the database. */
export class FileLayerStore implements LayerStore {
  readonly #files: LayerFiles;
  readonly #records: LayerRecords;
  readonly #clock: Clock;
  readonly #indexes: LayerIndexes;
  readonly #bootId = bootId();
  /** Layers whose record was looked at: what holds of it then holds until the machine is restarted. */
  readonly #trusted = new Set<DiffId>();

  constructor(options: FileLayerStoreOptions) {
    this.#files = options.files;
    this.#records = options.records;
    this.#clock = options.clock;
    const isDurable = (diffId: DiffId): boolean => this.#records.get(diffId)?.durable === true;
    this.#indexes = new LayerIndexes({ files: options.files, isDurable });
  }

  stat(diffId: DiffId): LayerInfo | undefined {
    const record = this.#records.get(diffId);
    if (record === undefined || !this.#files.has(diffId)) return undefined;
    if (!this.#isTrusted(record) && !this.#survived(record)) return undefined;
    this.#trusted.add(diffId);
    return infoOf(record);
  }

  hold(diffId: DiffId, holder: LayerHolder): boolean {
    holder.add(toDigest(diffId));
    return this.stat(diffId) !== undefined;
  }

  writer(options: WriterOptions): LayerWriter {
    return new LayerIngest(this.#files, (layer) => this.#publish(layer, options));
  }

  packer(options: PackerOptions): LayerPacker {
    return new LayerPacker(this.writer(options), options);
  }

  tar(diffId: DiffId): TarFile {
    const info = this.stat(diffId);
    if (info === undefined) throw missing(diffId);
    return { path: this.#files.tar(diffId), sizeBytes: info.sizeBytes };
  }

  indexes(chain: readonly DiffId[]): readonly LayerIndex[] {
    this.#requireAll(chain);
    return this.#indexes.of(chain);
  }

  tree(chain: readonly DiffId[]): OpenTree {
    this.#requireAll(chain);
    return this.#indexes.tree(chain);
  }

  list(): readonly LayerInfo[] {
    return this.#records.list().map(infoOf);
  }

  verify(diffId: DiffId): boolean {
    if (!this.#files.has(diffId)) return false;
    using file = new FileReader(this.#files.tar(diffId));
    const digester = createDigester();
    for (const piece of file.pieces()) digester.update(piece);
    return toDiffId(digester.digest()) === diffId;
  }

  makeDurable(diffIds: readonly DiffId[]): void {
    const pending = diffIds.filter((diffId) => this.#records.get(diffId)?.durable !== true);
    if (pending.length === 0) return;
    for (const diffId of pending) syncPath(this.tar(diffId).path);
    for (const path of this.#indexes.ofLayers(pending)) syncPath(path);
    syncPath(this.#files.folder);
    this.#records.markDurable(pending);
  }

  remove(diffId: DiffId): void {
    this.#trusted.delete(diffId);
    this.#files.discard(this.#files.tar(diffId));
    for (const path of this.#indexes.mentioning(diffId)) this.#files.discard(path);
    this.#records.delete(diffId);
  }

  /** The record comes first, and is dropped last: there is never a tar of which nothing is known. */
  #publish(layer: IngestedLayer, { holder, below }: WriterOptions): void {
    const { diffId, sizeBytes, entryCount, tarPath } = layer;
    const isStored = this.hold(diffId, holder);
    using index = this.#indexes.draft(layer, below);
    if (!isStored) {
      const createdMs = this.#clock.now();
      this.#records.put({ diffId, sizeBytes, entryCount, bootId: this.#bootId, durable: false, createdMs });
      this.#files.publish(tarPath, this.#files.tar(diffId));
    }
    if (index !== undefined) this.#indexes.publish(index, diffId);
  }

  #requireAll(chain: readonly DiffId[]): void {
    for (const diffId of chain) {
      const isThere = this.#trusted.has(diffId) ? this.#files.has(diffId) : this.stat(diffId) !== undefined;
      if (!isThere) throw missing(diffId);
    }
  }

  #isTrusted(record: LayerRecord): boolean {
    return record.durable || record.bootId === this.#bootId;
  }

  /**
   * The machine was restarted since the layer was written, and nobody had made it durable. Its tar is good if it hashes
   * to its name; its indexes are made anew.
   */
  #survived(record: LayerRecord): boolean {
    const diffId = parseDiffId(record.diffId);
    const isWhole = this.#files.sizeBytes(this.#files.tar(diffId)) === record.sizeBytes && this.verify(diffId);
    for (const path of this.#indexes.ofLayers([diffId])) this.#files.discard(path);
    if (isWhole) this.#records.put({ ...record, bootId: this.#bootId });
    else this.remove(diffId);
    return isWhole;
  }
}

function infoOf({ diffId, sizeBytes, entryCount }: LayerRecord): LayerInfo {
  return { diffId: parseDiffId(diffId), sizeBytes, entryCount };
}

function missing(diffId: DiffId): Fault {
  return new Fault('not-found', `use layer ${diffId}: it is not in the store`, {
    hint: "'varve check' says what else is missing; pull or build the image again",
  });
}
