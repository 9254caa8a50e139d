import type { DirectoryHashes, FileIdentity, FileStamp, HashedFile, StatCache } from '../../state/index.ts';
import type { ByteString } from '../../std/index.ts';

/** A directory of the context while its files are looked at: the hashes that are known, and those that are found out. */
export class ContextDirectory {
  readonly #identity: FileIdentity;
  readonly #stats: StatCache;
  readonly #scannedAtMs: number;
  readonly #files: HashedFile[] = [];
  #known: DirectoryHashes | undefined;
  #learned = 0;

  constructor(identity: FileIdentity, stats: StatCache, scannedAtMs: number) {
    this.#identity = identity;
    this.#stats = stats;
    this.#scannedAtMs = scannedAtMs;
  }

  /** Files whose hash was not known before. */
  get learned(): number {
    return this.#learned;
  }

  get fileCount(): number {
    return this.#files.length;
  }

  hashOf(status: FileStamp): ByteString | undefined {
    this.#known ??= this.#stats.directory(this.#identity);
    const hash = this.#known.hashOf(status);
    if (hash !== undefined) this.#keep({ status, hash });
    return hash;
  }

  learn(status: FileStamp, hash: ByteString): void {
    this.#learned += 1;
    this.#keep({ status, hash });
  }

  store(): void {
    this.#stats.put(this.#identity, this.#files, { scannedAtMs: this.#scannedAtMs });
  }

  #keep(file: HashedFile): void {
    if (this.#files.length < mostFiles) this.#files.push(file);
  }
}

/** Of a larger directory the rest is read again in each build. */
const mostFiles = 100_000;
