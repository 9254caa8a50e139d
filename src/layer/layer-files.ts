import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, processAlive, processStartTime } from '../host/index.ts';
import { hexOf, type ChainId, type DiffId } from '../oci/index.ts';

/** The folders and file names of the layer store; nothing else knows them. */
export class LayerFiles {
  /** Takes the tars and their indexes. */
  readonly folder: string;
  readonly #ingest: string;
  readonly #trash: string;

  /** `root`: the store's root. The folders are made where they are missing, mode 0700. */
  constructor(root: string) {
    this.folder = join(root, 'layers', 'sha256');
    this.#ingest = join(root, 'ingest');
    this.#trash = join(root, 'trash');
    for (const folder of [this.folder, this.#ingest, this.#trash]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  tar(diffId: DiffId): string {
    return join(this.folder, `${hexOf(diffId)}.tar`);
  }

  /** The index of a self-contained layer. */
  index(diffId: DiffId): string {
    return join(this.folder, `${hexOf(diffId)}.erofs`);
  }

  /** The index of a layer on one chain. It is told from the other kind by its name: a chain of one layer has that layer's ID. */
  chainIndex(chainId: ChainId): string {
    return join(this.folder, `${hexOf(chainId)}.chain.erofs`);
  }

  /** The paths of all indexes of both kinds. */
  indexes(): readonly string[] {
    const names = readdirSync(this.folder).filter((name) => name.endsWith('.erofs'));
    return names.map((name) => join(this.folder, name));
  }

  has(diffId: DiffId): boolean {
    return existsSync(this.tar(diffId));
  }

  sizeBytes(path: string): number {
    return statSync(path).size;
  }

  /** A name that nobody uses, for something that this process is about to write. */
  temporary(kind: 'tar' | 'erofs' | 'tree'): string {
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

  /** Renamed away: gone from the store at once, deleted by whoever empties the trash. Nothing there is no failure. */
  discard(path: string): void {
    try {
      renameSync(path, join(this.#trash, randomBytes(8).toString('hex')));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}
