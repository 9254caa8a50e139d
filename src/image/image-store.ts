import type { LayerHolder } from '../layer/index.ts';
import type { Digest, DiffId, ImageConfig, ImageManifest, Reference } from '../oci/index.ts';

/**
 * The images of this store and their names.
 *
 * An **image** is a manifest, the config that it names, and the layers that the config names. Its **image ID** is the
 * digest of the config. A **name** is a full reference (`docker.io/library/alpine:3.20`, or with a digest); an image has
 * any number. An image without a name is **dangling**: it is kept, under its ID, until it is removed or pruned.
 *
 * An image is only ever stored whole: the manifest, the config and every layer are in the store, checked and on the
 * disk for good, before it gets its first name; so an image that is found here can be used. Giving a name that another
 * image has moves the name; an image that loses its last name that way becomes dangling.
 *
 * Names and dangling images are what garbage collection starts from. Removing one deletes no content.
 */
export interface ImageStore {
  /**
   * The image that `name` means: a name (with Docker's defaults for registry and tag), an image ID, or an unambiguous
   * prefix of the ID's hex. A name is tried before an ID. Undefined if it means nothing here; Fault `invalid` if it
   * cannot be a name, or is an ambiguous prefix.
   */
  find(name: string): StoredImage | undefined;

  /** The image with this ID. */
  get(imageId: Digest): StoredImage | undefined;

  /** Every image once, oldest first. */
  list(): readonly StoredImage[];

  /**
   * Stores an image that was built, committed or imported here: writes its config and an OCI manifest over its
   * uncompressed layers. `names` are added; without any it is dangling. Fault `not-found` if a layer is missing.
   */
  add(config: ImageConfig, options: AddOptions): StoredImage;

  /**
   * Stores an image whose manifest and config were fetched, byte for byte. Fault `not-found` if a layer of it, or one
   * of the two blobs, is missing.
   */
  adopt(manifest: Digest, options: AddOptions): StoredImage;

  /** Gives the image one more name. */
  tag(imageId: Digest, name: Reference): void;

  /** Drops one name: true if it was there. The image's last name is dropped without leaving it dangling. */
  untag(name: Reference): boolean;

  /** Drops every name of the image, and the image where it is dangling: the names that were dropped. */
  remove(imageId: Digest): readonly string[];
}

export interface AddOptions {
  readonly names: readonly Reference[];
  readonly holder: LayerHolder;
}

export interface StoredImage {
  /** Digest of the config. */
  readonly imageId: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  /** The layers, lowest first. */
  readonly chain: readonly DiffId[];
  /** In full form, sorted; none for a dangling image. */
  readonly names: readonly string[];
  /** Milliseconds since 1970 at which it got here. */
  readonly storedMs: number;
}
