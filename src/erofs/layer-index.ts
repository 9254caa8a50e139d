/**
 * The index of a layer: a small EROFS image that makes the layer's uncompressed tar mountable.
 *
 * - A *layer* is the difference that one instruction made, as a tar. Deletions stand in it as *whiteouts*: `.wh.NAME`
 *   hides NAME of the layers below, `.wh..wh..opq` in a directory hides all that they have there.
 * - The *image* holds names and metadata. For contents it points into the tar, which the kernel is given as a *device*
 *   beside the image; contents that are not whole blocks of the tar (odd segments of sparse files, a tar that is cut
 *   off in its last block's padding) are stored in the image. Each device bears the digest of its tar as a *tag*.
 * - *Below* is what the layer lies on: a `MergedTree` over the images of the layers under it.
 *
 * Life cycle: a `LayerIndexer` is given each member of the archive once, in order; `finish` gives an `IndexedLayer`;
 * its `write` gives the image's bytes, front to back. `ErofsImage.open` reads such an image again without a mount.
 *
 * ```ts
 * const indexer = new LayerIndexer();
 * scanTar(tar, { entry: (entry, place) => void indexer.add(entry, place) });
 * const layer = indexer.finish();
 * layer.write({ tar, below: layer.selfContained ? undefined : below }, (chunk) => writeSync(file, chunk));
 * ```
 *
 * What the tree is, in the order of the archive:
 * - Paths are cleaned to the root and their parents resolved inside it, through symlinks of this layer and, once
 *   `below` is known, of lower layers. More than 40 symlinks on one path are a Fault.
 * - Of entries with one name the last wins. Only a directory over a directory merges; any other pair replaces, and a
 *   directory that replaces something hides what lower layers have there. A parent that is no directory becomes one.
 * - A hard link shares the inode that its target is at that moment; a link to a symlink links the symlink. A target
 *   that only lower layers have is taken over with metadata and content. A symlink is never followed at its last name.
 * - Whiteouts act on lower layers only: an entry of this layer with the same name wins, wherever the two stand. They
 *   are written, as overlayfs wants them, only where a lower layer has something to hide.
 * - Directories without an entry take owner, mode, time and attributes from below, else they are 0755 of root at time 0.
 * - A symlink has mode 0777, whatever the archive says, as on every Linux file system.
 * - `security.selinux`, `trusted.overlay.*`, `user.overlay.*` and attributes that no file can be given are dropped;
 *   file capabilities lose a user namespace's root id.
 *
 * When an image may be shared: a layer that is `selfContained` has the same image whatever lies below, so its image
 * belongs to its diff ID. Any other image belongs to the chain of layers that it was written on. A layer without an
 * entry for `/` is self-contained all the same: its image says so (`ErofsImage.describesRoot`), and whoever stacks
 * images gives the top of the stack the metadata of `MergedTree.root`.
 *
 * Everything is synchronous and touches no file; memory is about 100 bytes a name, whatever the size of the contents.
 */

/** The layer's tar, as an image of it needs it. */
export interface LayerTar {
  /** Which tar: 64 hexadecimal digits of its digest (the layer's diff ID). */
  readonly tag: string;
  readonly sizeBytes: number;
  /** Exactly these bytes of the tar. Only called for content that cannot be pointed to. */
  read(offset: number, length: number): Uint8Array;
}

/** Takes the next bytes of an image. The chunk is reused afterwards: write or copy it before returning. */
export type ImageSink = (chunk: Uint8Array) => void;

/** How many things of a layer depend on the layers below it. */
export interface LayerNeeds {
  /** Directories without an entry of their own, the root left out. */
  readonly impliedParents: number;
  /** Hard links to paths that the layer itself does not have. */
  readonly lowerLinks: number;
  readonly whiteouts: number;
  /** Directories that hide what lower layers have at their place. */
  readonly opaqueMarks: number;
}
