import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { faulting, isLocked, syncPath, tryLock } from '../host/index.ts';
import { algorithmOf, digestMatches, digestOf } from '../oci/index.ts';
import type { Digest } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { BlobFiles, anonymousIngestName, ingestNameOf } from './blob-files.ts';
import type { BlobHolder, BlobInfo, BlobStore, BlobWriter, Ingest, PutOptions, WriterOptions } from './blob-store.ts';
import { openBlobWriter } from './file-blob-writer.ts';
import { publishBytes } from './publish-bytes.ts';
import { RunningDigest } from './running-digest.ts';

const pieceBytes = 2 ** 20;

/** The blobs of the store in the folder `root`, made where it is missing. */
export function openBlobStore(options: { readonly root: string }): BlobStore {
  return new DirectoryBlobStore(new BlobFiles(options.root));
}

class DirectoryBlobStore implements BlobStore {
  readonly #files: BlobFiles;

  constructor(files: BlobFiles) {
    this.#files = files;
  }

  stat(digest: Digest): BlobInfo | undefined {
    return this.#files.stat(digest);
  }

  hold(digest: Digest, holder: BlobHolder): boolean {
    holder.add(digest);
    return this.stat(digest) !== undefined;
  }

  read(digest: Digest, options: { readonly maxBytes: number }): Uint8Array {
    const { path, sizeBytes } = this.#there(digest);
    if (sizeBytes > options.maxBytes) {
      throw new Fault(
        'exhausted',
        `read blob ${digest}: it has ${sizeBytes} bytes, at most ${options.maxBytes} are read`,
      );
    }
    const bytes = faulting('read', bytesOf(path), () => readFileSync(path));
    if (digestMatches(digest, bytes)) return bytes;
    throw new Fault('corrupt', `read blob ${digest}: its content is not what its name says`, {
      hint: 'varve check --repair removes damaged content, to be pulled or built again',
    });
  }

  *chunks(digest: Digest, options: { readonly offsetBytes?: number } = {}): Generator<Uint8Array, void> {
    const { path } = this.#there(digest);
    const fd = faulting('open', bytesOf(path), () => openSync(path, 'r'));
    try {
      const piece = Buffer.allocUnsafe(pieceBytes);
      for (let at = options.offsetBytes ?? 0; ;) {
        const position = at;
        const got = faulting('read', bytesOf(path), () => readSync(fd, piece, 0, piece.length, position));
        if (got === 0) return;
        at += got;
        yield piece.subarray(0, got);
      }
    } finally {
      closeSync(fd);
    }
  }

  put(bytes: Uint8Array, { holder, digest = digestOf(bytes) }: PutOptions): Digest {
    if (!digestMatches(digest, bytes)) {
      throw new Fault('corrupt', `store blob ${digest}: the content given has another digest`);
    }
    holder.add(digest);
    if (this.stat(digest)?.sizeBytes !== bytes.length) publishBytes(this.#files, digest, bytes);
    return digest;
  }

  writer(options: WriterOptions): BlobWriter {
    const ref = options.ref ?? options.digest;
    const name = ref === undefined ? anonymousIngestName() : ingestNameOf(ref);
    return openBlobWriter(this.#files, { ...options, name, keep: ref !== undefined });
  }

  ingests(): readonly Ingest[] {
    return this.#files.ingests().flatMap((name) => {
      const path = this.#files.ingest(name);
      const status = statSync(path, { throwIfNoEntry: false });
      if (status === undefined) return [];
      return [{ name, sizeBytes: status.size, updatedMs: status.mtimeMs, open: isLocked(path) }];
    });
  }

  discardIngest(name: string): boolean {
    if (!this.#files.ingests().includes(name)) return false;
    const lock = tryLock(this.#files.ingest(name), 'exclusive');
    if (lock === undefined) throw new Fault('unavailable', `discard ${name}: somebody is writing it`);
    lock.remove();
    return true;
  }

  list(): readonly BlobInfo[] {
    return this.#files.list();
  }

  verify(digest: Digest): boolean {
    if (this.stat(digest) === undefined) return false;
    const actual = new RunningDigest(algorithmOf(digest));
    for (const piece of this.chunks(digest)) actual.update(piece);
    return actual.digest() === digest;
  }

  makeDurable(digests: readonly Digest[]): void {
    const folders = new Set<string>();
    for (const digest of digests) {
      this.#there(digest);
      folders.add(this.#files.folder(digest));
    }
    for (const folder of folders) syncPath(folder);
  }

  delete(digest: Digest): boolean {
    return this.#files.discard(this.#files.blob(digest));
  }

  #there(digest: Digest): BlobInfo {
    const info = this.stat(digest);
    if (info === undefined) throw new Fault('not-found', `read blob ${digest}: it is not stored here`);
    return info;
  }
}
