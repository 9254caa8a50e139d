import type { DirectoryHashes, FileIdentity, FileStamp, HashedFile, StatCache } from '../../state/index.ts';
import type { ByteString } from '../../std/index.ts';

/** A directory of the context while its files are looked at: the hashes that are known, and those that are found out. */
export class ContextDirectory {
  readonly #identity: FileIdentity;
  readonly #stats: StatCache;
  readonly #scannedAtMs: number;
  readonly #learned: HashedFile[] = [];
  #asked: DirectoryHashes | undefined;

  constructor(identity: FileIdentity, stats: StatCache, scannedAtMs: number) {
    this.#identity = identity;
    this.#stats = stats;
    this.#scannedAtMs = scannedAtMs;
  }

  /** Files whose hash was not known before. */
  get learned(): number {
    return this.#learned.length;
  }

  get fileCount(): number {
    return this.#known.fileCount + this.#learned.length;
  }

  hashOf(status: FileStamp): ByteString | undefined {
    return this.#known.hashOf(status);
  }

  learn(status: FileStamp, hash: ByteString): void {
    if (this.#learned.length < mostFiles) this.#learned.push({ status, hash });
  }

  store(): void {
    this.#known.put(this.#learned, { scannedAtMs: this.#scannedAtMs });
  }

  get #known(): DirectoryHashes {
    return (this.#asked ??= this.#stats.directory(this.#identity));
  }
}

/** Of a larger directory the rest is read again, and learned, in the next build. */
const mostFiles = 100_000;
