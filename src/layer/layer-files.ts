import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { processAlive, processStartTime } from '../host/index.ts';
import { hexOf, type ChainId, type DiffId } from '../oci/index.ts';

/** The folders and file names of the layer store; nothing else knows them. */
export class LayerFiles {
  readonly #layers: string;
  readonly #ingest: string;
  readonly #trash: string;

  /** `root`: the store's root. The folders are made where they are missing, mode 0700. */
  constructor(root: string) {
    this.#layers = join(root, 'layers', 'sha256');
    this.#ingest = join(root, 'ingest');
    this.#trash = join(root, 'trash');
    for (const folder of [this.#layers, this.#ingest, this.#trash]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  get folder(): string {
    return this.#layers;
  }

  tar(diffId: DiffId): string {
    return join(this.#layers, `${hexOf(diffId)}.tar`);
  }

  /** The index of a self-contained layer, or of a layer on one chain. */
  index(id: DiffId | ChainId): string {
    return join(this.#layers, `${hexOf(id)}.erofs`);
  }

  has(diffId: DiffId): boolean {
    return existsSync(this.tar(diffId));
  }

  sizeBytes(path: string): number {
    return statSync(path).size;
  }

  /** A name that nobody uses, for something that this process is about to write. */
  temporary(kind: 'tar' | 'erofs'): string {
    const owner = `${process.pid}-${processStartTime(process.pid)}`;
    return join(this.#ingest, `layer-${owner}-${randomBytes(6).toString('hex')}.${kind}`);
  }

  /** What processes left behind that did not live to finish it. */
  abandoned(): readonly string[] {
    const left = readdirSync(this.#ingest).filter((name) => {
      const [, pid, startTime] = /^layer-(\d+)-(\d+)-/.exec(name) ?? [];
      return pid !== undefined && startTime !== undefined && !processAlive(Number(pid), startTime);
    });
    return left.map((name) => join(this.#ingest, name));
  }

  /** What was written is complete: it is read-only from now on and gets its name. */
  publish(temporary: string, path: string): void {
    chmodSync(temporary, 0o400);
    renameSync(temporary, path);
  }

  /** Renamed away: gone from the store at once, deleted by whoever empties the trash. */
  discard(path: string): void {
    if (existsSync(path)) renameSync(path, join(this.#trash, randomBytes(8).toString('hex')));
  }

  /** The hex names of all tars. */
  tars(): readonly string[] {
    return readdirSync(this.#layers).flatMap((name) => (name.endsWith('.tar') ? [name.slice(0, -'.tar'.length)] : []));
  }

  /** The hex names of all indexes. */
  indexes(): readonly string[] {
    const suffix = '.erofs';
    return readdirSync(this.#layers).flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []));
  }
}
