import type { Digest } from '../oci/index.ts';

/** A blob on its way in. One request at a time writes to it; another gets a `conflict` Fault. */
export interface Upload {
  /** Letters and digits that nobody can guess. */
  readonly id: string;
  /** Bytes that are here: where to go on. */
  readonly offsetBytes: number;
  /** Appends. What came before the source failed stays. */
  append(source: AsyncIterable<Uint8Array>): Promise<void>;
  /** Stores what is here and ends the upload. Fault `corrupt` if its digest is another one; then the upload is gone too. */
  commit(digest: Digest): Promise<void>;
  /** Drops what is here and ends the upload. */
  cancel(): void;
}
