import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { faulting } from '../host/index.ts';
import { algorithmOf, hexOf, parseDigest } from '../oci/index.ts';
import type { Digest } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import type { BlobInfo } from './blob-store.ts';

const algorithms = ['sha256', 'sha512'];
const ingestPrefix = 'blob-';

/** The folders and file names of the blob store; nothing else knows them. */
export class BlobFiles {
  readonly #blobs: string;
  readonly #ingest: string;
  readonly #trash: string;

  /** `root`: the store's root. The folders are made where they are missing, mode 0700. */
  constructor(root: string) {
    this.#blobs = join(root, 'blobs');
    this.#ingest = join(root, 'ingest');
    this.#trash = join(root, 'trash');
    const folders = [...algorithms.map((each) => join(this.#blobs, each)), this.#ingest, this.#trash];
    for (const folder of folders) {
      faulting('create', bytesOf(folder), () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
    }
  }

  blob(digest: Digest): string {
    return join(this.#blobs, algorithmOf(digest), hexOf(digest));
  }

  /** The folder that the blob's name is in. */
  folder(digest: Digest): string {
    return join(this.#blobs, algorithmOf(digest));
  }

  stat(digest: Digest): BlobInfo | undefined {
    const path = this.blob(digest);
    const status = statSync(path, { throwIfNoEntry: false });
    return status?.isFile() === true ? { digest, sizeBytes: status.size, path } : undefined;
  }

  list(): readonly BlobInfo[] {
    return algorithms.flatMap((algorithm) =>
      readdirSync(join(this.#blobs, algorithm))
        .toSorted()
        .flatMap((hex) => this.#infoOf(`${algorithm}:${hex}`) ?? []),
    );
  }

  ingest(name: string): string {
    return join(this.#ingest, name);
  }

  /** The names of all ingests of blobs. */
  ingests(): readonly string[] {
    return readdirSync(this.#ingest)
      .filter((name) => name.startsWith(ingestPrefix))
      .toSorted();
  }

  /** Renamed away: gone from the store at once, deleted by whoever empties the trash. False if there is nothing. */
  discard(path: string): boolean {
    if (!existsSync(path)) return false;
    renameSync(path, join(this.#trash, `${ingestPrefix}${randomBytes(8).toString('hex')}`));
    return true;
  }

  /** A file with another name than a digest is none of ours. */
  #infoOf(name: string): BlobInfo | undefined {
    try {
      return this.stat(parseDigest(name));
    } catch {
      return undefined;
    }
  }
}

/** The name of the ingest with this ref: of a digest a readable one, of any other text a hash of it. */
export function ingestNameOf(ref: string): string {
  const [, algorithm, hex] = /^(sha256|sha512):([0-9a-f]{64,128})$/.exec(ref) ?? [];
  if (algorithm !== undefined) return `${ingestPrefix}${algorithm}-${hex}`;
  return `${ingestPrefix}ref-${createHash('sha256').update(ref).digest('hex')}`;
}

/** The name of an ingest that nobody will look for. */
export function anonymousIngestName(): string {
  return `${ingestPrefix}new-${randomBytes(8).toString('hex')}`;
}
