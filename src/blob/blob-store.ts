import type { Digest } from '../oci/index.ts';

/**
 * Content by digest: manifests, configs, layers as they are transferred.
 *
 * A **blob** is there as a whole or not at all, also after a power cut: its bytes are on the disk before it gets its
 * name, and were hashed on the way. It never changes. Success of a write means that the content is stored under its
 * digest, not that this call stored it.
 *
 * An **ingest** is a blob that is still being written: partial content with a name of its own, its **ref**. It outlives
 * the process that wrote it, so that a download can go on where it was cut; one writer has it at a time. The ref of an
 * expected digest is that digest, so whoever fetches the same blob next finds the partial one.
 *
 * Whoever writes or relies on a blob passes a {@link BlobHolder}: it is told the digest before its existence is looked
 * up, so that garbage collection, which may run at any time in another process, keeps it.
 *
 * Files: `blobs/<algorithm>/<hex>`, mode 0400; `ingest/blob-*`; `trash/`. Faults beside those named: `exhausted` on a
 * full disk, `denied` without permission.
 */
export interface BlobStore {
  /** What is known of a blob; undefined if it is not stored. */
  stat(digest: Digest): BlobInfo | undefined;

  /** True if the blob is stored, and from now on kept for `holder`. */
  hold(digest: Digest, holder: BlobHolder): boolean;

  /**
   * All of a small blob, hashed again. Fault `not-found` if it is not stored, `exhausted` if it has more than
   * `maxBytes`, `corrupt` if it is not what its name says.
   */
  read(digest: Digest, options: { readonly maxBytes: number }): Uint8Array;

  /**
   * The bytes of a blob from `offsetBytes` on, in pieces of at most 1 MiB, each valid until the next is asked for. They
   * are not hashed. Fault `not-found` if it is not stored.
   */
  chunks(digest: Digest, options?: { readonly offsetBytes?: number }): Iterable<Uint8Array>;

  /** Stores small content. Fault `corrupt` if `digest` is given and is not its digest. */
  put(bytes: Uint8Array, options: PutOptions): Digest;

  /**
   * Goes on with an ingest, or begins one; what is there is hashed anew. Fault `unavailable` if somebody else is
   * writing it.
   */
  writer(options: WriterOptions): BlobWriter;

  /** The ingests that stand, those of dead and of living writers. */
  ingests(): readonly Ingest[];

  /** Removes an ingest: true if there was one. Fault `unavailable` if somebody is writing it. */
  discardIngest(name: string): boolean;

  /** Every stored blob. */
  list(): readonly BlobInfo[];

  /** Reads the blob again: false if it is missing or its hash is not its name. */
  verify(digest: Digest): boolean;

  /** What is stored under these digests will be found after a power cut. Fault `not-found` if one is not stored. */
  makeDurable(digests: readonly Digest[]): void;

  /** Moves the blob to the trash: true if there was one. Only garbage collection and repair call this. */
  delete(digest: Digest): boolean;
}

/** What keeps content from garbage collection while it is used: a lease. */
export interface BlobHolder {
  /** From now on this digest is kept until the holder is released. */
  add(digest: Digest): void;
}

export interface BlobInfo {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** The file that has it; to be read only. */
  readonly path: string;
}

export interface PutOptions {
  readonly holder: BlobHolder;
  readonly digest?: Digest;
}

export interface WriterOptions {
  readonly holder: BlobHolder;
  /** The digest that the content should have. */
  readonly digest?: Digest;
  /** The length that the content should have; more is refused as `corrupt` while it is written. */
  readonly sizeBytes?: number;
  /** The name of the ingest; `digest` where it is not given. Without both, what is not committed is not kept. */
  readonly ref?: string;
}

/**
 * A blob on its way into the store. Dispose of it in any case. What was written and not committed stays as an ingest;
 * so it does after a commit that was refused, and the writer stays usable. Nothing written leaves no ingest.
 */
export interface BlobWriter extends Disposable {
  /** Bytes that are there: where to go on. */
  readonly offsetBytes: number;
  /** The digest of the bytes that are there. */
  digest(): Digest;
  /** Appends. */
  write(chunk: Uint8Array): void;
  /**
   * Reads back what was written, from `offsetBytes` on: how many bytes there were, at most as many as fit. 0 behind the last
   * of them, and of a writer that is closed.
   */
  read(into: Uint8Array, offsetBytes: number): number;
  /** Drops what is behind the first `sizeBytes` bytes; 0 to begin again. */
  truncate(sizeBytes: number): void;
  /**
   * The content is complete. Fault `corrupt` if its length or digest is not what is expected here or was when the
   * writer was opened; then nothing changes.
   */
  commit(expected?: CommitOptions): Promise<Committed>;
  /** Lets go of the ingest and keeps it. */
  close(): void;
}

export interface CommitOptions {
  readonly digest?: Digest;
  readonly sizeBytes?: number;
}

export interface Committed extends BlobInfo {
  /** `already-exists`: the blob was there before, and the ingest is gone. */
  readonly kind: 'stored' | 'already-exists';
}

export interface Ingest {
  /** Its name among the ingests. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970 at which it was last written. */
  readonly updatedMs: number;
  /** True if somebody is writing it now. */
  readonly open: boolean;
}
