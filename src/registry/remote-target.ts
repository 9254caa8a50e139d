import type { Descriptor, Digest } from '../oci/index.ts';
import type { Remote, WaitOptions } from './remote.ts';

/**
 * A place that takes images too: a repository of a registry, an OCI layout that is being written, the store itself.
 *
 * An image is put from its leaves up: blobs first, then the manifest that names them, then an index over manifests. A
 * place may refuse a manifest some of whose content is missing (`invalid`), and what was put and is named by no manifest
 * may be gone some time later. To put what is there already is no error, and changes nothing.
 *
 * Success of a put means that the content is there under its digest, not that this call brought it. Bytes that do not
 * have the announced digest and size are `corrupt`, and nothing is there under that digest because of them. Whoever may
 * read and not write gets `denied`; a place that cannot be written at all is `unsupported`.
 *
 * All calls may be made at once, also for one digest. A place that has to be closed (an archive) says so by itself.
 */
export interface RemoteTarget extends Remote {
  /** True if the place has the blob. Costs one short question, and no content travels. */
  hasBlob(descriptor: Descriptor, options: WaitOptions): Promise<boolean>;

  /**
   * Takes a blob over from another part of the same place, without its bytes. `from` is the `name` of the remote that
   * has it. False where that cannot be done, for whatever reason: then the blob has to be put.
   */
  mountBlob(descriptor: Descriptor, from: string, options: WaitOptions): Promise<boolean>;

  /** Puts a blob. `content` may be read several times, and from the middle: a transfer that is cut goes on where it was. */
  putBlob(content: BlobContent, options: PutBlobOptions): Promise<void>;

  /**
   * Puts a blob whose digest is not known before its last byte: what grows here grows there. Only places that take bytes
   * before they know what they are have this. Ends when the blob is whole and there.
   */
  putGrowingBlob?(content: GrowingContent, options: PutBlobOptions): Promise<void>;

  /**
   * What the place has under this digest or tag; undefined if nothing. The document itself does not travel. A place that has
   * a manifest is believed to have what it names: to see to that is its own matter.
   */
  findManifest(tagOrDigest: string, options: WaitOptions): Promise<Descriptor | undefined>;

  /**
   * Puts a manifest or an index, byte for byte, under its digest, and under `tag` if there is one; a tag that meant
   * something else is moved.
   */
  putManifest(bytes: Uint8Array, options: PutManifestOptions): Promise<Digest>;
}

/** A blob's bytes, to be had as often as wanted. */
export interface BlobContent {
  readonly descriptor: Descriptor;
  /** The bytes from `offsetBytes` on. */
  open(offsetBytes: number): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A blob that is still being made. */
export interface GrowingContent {
  /** What it is in the end. Rejects where it is never whole. */
  readonly descriptor: Promise<Descriptor>;
  /**
   * The bytes from `offsetBytes` on, as they come, to the last; may be had several times, also when all are there. Each piece
   * is valid until the next is asked for. Throws where the blob is never whole.
   */
  open(offsetBytes: number): AsyncIterable<Uint8Array>;
}

export interface PutBlobOptions extends WaitOptions {
  /** Told as bytes leave; after a cut the number may be smaller than before. */
  readonly onProgress?: (doneBytes: number) => void;
}

export interface PutManifestOptions extends WaitOptions {
  readonly mediaType: string;
  readonly tag?: string | undefined;
}

/** What a place can tell about what it has. */
export interface RemoteListing {
  /** Every tag once, in the order that the place gives them. */
  tags(options: WaitOptions): AsyncIterable<string>;

  /**
   * The manifests that say of themselves that they belong to the one with this digest (`subject`), with `artifactType`
   * only those of that type. None is an empty list.
   */
  referrers(digest: Digest, options: ReferrersOptions): Promise<readonly Descriptor[]>;
}

export interface ReferrersOptions extends WaitOptions {
  readonly artifactType?: string | undefined;
}
