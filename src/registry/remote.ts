import type { Descriptor, Digest, Manifest } from '../oci/index.ts';

/**
 * A place that has images: one repository of a registry, an OCI layout in a directory or an archive.
 *
 * A remote has **manifests**, found by digest or by a name of the place's own (a tag; in a layout its `ref.name`), and
 * **blobs**, found by digest. Nothing in it is believed: a manifest is given only after its bytes were hashed and
 * parsed; a blob's bytes are passed on as they come, and whoever reads them must compare them with the descriptor
 * (`verifiedBlob` does, a store that hashes what it writes does too).
 *
 * Reading what is not there is a `not-found` Fault. A place that cannot be reached is `unavailable`, one that wants to
 * know who asks `unauthenticated`, one that knows and refuses `denied`; bytes that are not what they were announced to
 * be are `corrupt`, documents that break the rules `invalid`. Messages begin with the place's name.
 *
 * All calls may be made at once. A remote has no lifetime of its own; whoever opened what is behind it closes that.
 *
 * The steps of a pull, on top of this: `resolveImage` goes from a name to the manifest of one image, through an index
 * if there is one; its config and its missing layers are then read with `blob`.
 */
export interface Remote {
  /** For messages: `docker.io/library/alpine`. */
  readonly name: string;

  /** The manifest with this digest or under this tag. At most 4 MiB are read. */
  manifest(tagOrDigest: string, options: WaitOptions): Promise<RemoteManifest>;

  /**
   * The content of a blob from `offsetBytes` on (default 0, at most its size). A connection that is cut is taken up
   * again where it was. Never gives more bytes than the descriptor has; ends `corrupt` where there are fewer.
   */
  blob(descriptor: Descriptor, options: BlobOptions): AsyncIterable<Uint8Array>;

  /**
   * Of a place that stands for several: what was read of this blob turned out to be wrong. True where another one of them
   * will be asked for it from now on, so that reading it again may help.
   */
  distrust?(descriptor: Descriptor): boolean;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface BlobOptions extends WaitOptions {
  readonly offsetBytes?: number;
}

/** A manifest as it was served, hashed and parsed. Keep the bytes: they are what the digest names. */
export interface RemoteManifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
}
