import type { DiffId, Digest } from '../oci/index.ts';
import type { TarEntry } from '../tar/index.ts';

/** What keeps content from garbage collection while it is used: a lease. */
export interface LayerHolder {
  /** From now on this digest is kept until the holder is released. */
  add(digest: Digest): void;
}

export interface WriterOptions {
  readonly holder: LayerHolder;
  /** What lies below, where it is known: saves a second pass over the tar for a layer with deletions. */
  readonly below?: readonly DiffId[];
}

export interface PackerOptions extends WriterOptions {
  /** No entry gets a later time of modification: seconds since 1970. */
  readonly latestMtimeSec?: number | undefined;
}

export interface LayerInfo {
  readonly diffId: DiffId;
  /** Length of the tar in bytes. */
  readonly sizeBytes: number;
  /** Members of the tar. */
  readonly entryCount: number;
}

/**
 * A tar on its way into the store. Bytes are hashed, indexed and written as they come; nothing has a name until
 * `commit`. Dispose of it in any case: what was not committed is removed.
 */
export interface LayerWriter extends Disposable {
  /** The next bytes of the uncompressed tar. Fault `invalid` if they are no tar, `exhausted` on a full disk. */
  write(chunk: Uint8Array): void;
  /** The header of the next member, formatted here; its content and padding follow by `write`. Faults as `formatHeader`'s. */
  writeHeader(entry: TarEntry): void;
  /** The tar is complete. Fault `corrupt` if `expected` is given and is not its diff ID. */
  commit(expected?: DiffId): LayerInfo;
}
