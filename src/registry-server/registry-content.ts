import type { Descriptor, Digest } from '../oci/index.ts';
import type { Upload } from './upload.ts';

/**
 * What a registry serves: the port through which the protocol reaches a store.
 *
 * A **repository** is a name without registry, tag and digest, as it stands in the path of a request; it has the grammar
 * of the specification before it gets here. It is there as long as it has a manifest; one that was pushed to stays, empty, as long
 * as the registry serves. **Blobs** are those of the store,
 * whatever repository they are asked for in: the digest is what one has to know.
 *
 * What was given out or taken in is kept for a while, so that a client which was told that something is there can rely
 * on it until it is done. What does not exist is undefined or false.
 */
export interface RegistryContent {
  /** Every repository, sorted bytewise. */
  repositories(): readonly string[];

  /** The tags of a repository, sorted bytewise. */
  tags(repository: string): readonly string[] | undefined;

  /**
   * A manifest, all of which is there and stays for a while. What it refers to is ready to be read, which may take its
   * time: layers may have to be compressed first.
   */
  manifest(repository: string, name: ManifestName): Promise<ServedManifest | undefined>;

  /**
   * Stores a manifest under its digest and `tags`. An image that can run here is one of the store from now on.
   *
   * Fault `not-found` if something that it refers to is not stored, `invalid` or `unsupported` if it is no manifest,
   * `corrupt` if it has another digest than it was sent with.
   */
  putManifest(repository: string, manifest: PutManifest): Promise<StoredManifestResult>;

  /** Drops a tag, or a manifest with all tags that mean it: true if it was there. Deletes no content. */
  deleteManifest(repository: string, name: ManifestName): boolean;

  /** What says of itself that `subject` is its subject, oldest first; none for a repository that is not there. */
  referrers(repository: string, subject: Digest): readonly Descriptor[];

  blob(digest: Digest): ServedBlob | undefined;

  /** Deletes a blob: true if it was there. Fault `conflict` if something needs it. */
  deleteBlob(digest: Digest): boolean;

  /** Begins an upload. Fault `unavailable` where too many are open. */
  beginUpload(): Upload;

  /** An upload that was begun, is neither committed nor cancelled, and was not left alone for too long. */
  upload(id: string): Upload | undefined;
}

export type ManifestName =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'digest'; readonly digest: Digest };

export interface ServedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface PutManifest {
  readonly bytes: Uint8Array;
  /** As it was sent, without parameters. */
  readonly mediaType: string | undefined;
  /** The digest that the bytes should have. */
  readonly digest: Digest | undefined;
  readonly tags: readonly string[];
}

export interface StoredManifestResult {
  readonly digest: Digest;
  readonly subject: Digest | undefined;
}

export interface ServedBlob {
  readonly sizeBytes: number;
  /**
   * The bytes of the range, in pieces, each valid until the next is asked for. Nothing is opened before the first is.
   */
  read(range: ByteRange): AsyncIterable<Uint8Array>;
}

/** From the first byte to the one before the end. */
export interface ByteRange {
  readonly startBytes: number;
  readonly endBytes: number;
}
