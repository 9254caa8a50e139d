import type { LayerHolder } from '../layer/index.ts';
import type {
  Descriptor,
  Digest,
  DiffId,
  ImageConfig,
  ImageIndex,
  ImageManifest,
  Platform,
  Reference,
} from '../oci/index.ts';
import type { Annotations } from './annotations.ts';

/**
 * The images of this store and their names.
 *
 * An **image** is a manifest, the config that it names, and the layers that the config names. Its **image ID** is the
 * digest of the config. An **index** is a document that names several images, its **members**, each for a platform
 * (image-spec image-index.md). A **name** is a full reference (`docker.io/library/alpine:3.20`, or with a digest) and
 * means one image or one index; both may have any number of names. What has none is **dangling**: it is kept, under its
 * ID or the digest of the index, until it is removed or pruned.
 *
 * Images and indexes are only ever stored whole: all documents and every layer of every member are in the store, checked
 * and on the disk for good, before there is a first name; so an image that is found here can be used. Giving a name
 * that something else has moves the name; what loses its last name that way becomes dangling. A member needs no name of
 * its own: its index keeps it.
 *
 * Names and what is dangling are what garbage collection starts from. Removing one deletes no content.
 */
export interface ImageStore {
  /**
   * The image that `name` means: a name (with Docker's defaults for registry and tag), an image ID, or an unambiguous
   * prefix of the ID's hex. A name is tried before an ID. Of an index it is the member that suits `platform` best,
   * which is this machine's where none is given; with `platform`, an image for another one is not meant.
   *
   * Undefined if it means nothing here, or nothing for the platform (`findIndex` says what there is, and
   * `noSuchPlatform` says it to a person); Fault `invalid` if it cannot be a name, or is an ambiguous prefix.
   */
  find(name: string, options?: { readonly platform?: Platform | undefined }): StoredImage | undefined;

  /** The index that `name`, a name or the digest of an index, means; undefined if it means none. */
  findIndex(name: string): StoredIndex | undefined;

  /** The image with this ID. */
  get(imageId: Digest): StoredImage | undefined;

  /** Every image once, members of indexes too, oldest first. */
  list(): readonly StoredImage[];

  /** Every index once, oldest first. */
  indexes(): readonly StoredIndex[];

  /**
   * Stores an image that was built, committed or imported here: writes its config and an OCI manifest over its
   * uncompressed layers. `names` are added; without any it is dangling. Fault `not-found` if a layer is missing.
   */
  add(config: ImageConfig, options: AddOptions): StoredImage;

  /**
   * Stores an image whose manifest and config were fetched, byte for byte. Fault `not-found` if a layer of it, or one
   * of the two blobs, is missing.
   */
  adopt(manifest: Digest, options: NamingOptions): StoredImage;

  /**
   * Stores an index that was fetched, byte for byte, all of whose members are here; without names it is dangling. Fault
   * `not-found` if a member is not here or not whole, `unsupported` for an index of indexes.
   */
  adoptIndex(index: Digest, options: NamingOptions): StoredIndex;

  /**
   * Writes the two documents of an image, as `add` does, and gives the digest of the manifest. It is no image of the
   * store until `adopt` or `addIndex` is given that. Fault `not-found` if a layer is missing.
   */
  write(config: ImageConfig, options: Omit<AddOptions, 'names'>): Digest;

  /**
   * Stores an OCI index over members that are here, in their order; without names it is dangling. Members that were
   * dangling are kept by the index alone from now on. Fault `not-found` if a member is not here or not whole, `invalid` where
   * there are none or two have one platform.
   */
  addIndex(members: readonly IndexMember[], options: AddOptions): StoredIndex;

  /** Gives the image, or the index with this digest, one more name. */
  tag(target: Digest, name: Reference): void;

  /** Drops one name: true if it was there. The last name is dropped without leaving anything dangling. */
  untag(name: Reference): boolean;

  /**
   * Drops every name of the image, those of indexes that it is a member of too, and the image and these indexes where
   * they are dangling: the names that were dropped.
   */
  remove(imageId: Digest): readonly string[];

  /** Drops every name of the index, and the index where it is dangling: the names that were dropped. */
  removeIndex(digest: Digest): readonly string[];
}

export interface NamingOptions {
  readonly names: readonly Reference[];
  readonly holder: LayerHolder;
}

export interface AddOptions extends NamingOptions {
  /** For the manifest, or the index (image-spec annotations.md). */
  readonly annotations?: Annotations;
}

export interface IndexMember {
  /** An image ID, or the digest of a manifest. */
  readonly digest: Digest;
  readonly platform: Platform;
  /** For its descriptor in the index. */
  readonly annotations?: Annotations;
}

export interface StoredImage {
  /** Digest of the config. */
  readonly imageId: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  /** The layers, lowest first. */
  readonly chain: readonly DiffId[];
  /** In full form, sorted; those of indexes that it is a member of too. None for a dangling image. */
  readonly names: readonly string[];
  /** All manifests that its names mean, this one too: of one config there may be several. */
  readonly manifests: readonly StoredManifest[];
  /** The indexes that it is a member of. */
  readonly indexes: readonly Digest[];
  /** Milliseconds since 1970 at which it got here. */
  readonly storedMs: number;
}

export interface StoredManifest {
  readonly digest: Digest;
  readonly manifest: ImageManifest;
}

export interface StoredIndex {
  /** Of the index document. */
  readonly digest: Digest;
  readonly index: ImageIndex;
  /** Its images, in the document's order. */
  readonly members: readonly StoredMember[];
  /** All blobs of what it names beside images: what was said of these when they were built. */
  readonly attached: readonly Digest[];
  /** In full form, sorted; none for a dangling index. */
  readonly names: readonly string[];
  readonly storedMs: number;
}

export interface StoredMember {
  readonly platform: Platform;
  /** As it stands in the index. */
  readonly descriptor: Descriptor;
  readonly image: StoredImage;
}
