/**
 * A layer's tar as a mountable tree: a small EROFS image holds the names and metadata and points into the tar for the
 * contents. `layer-index.ts` is the contract. Knows neither files nor mounts: bytes come and go through functions.
 */
export { ErofsImage } from './erofs-image.ts';
export type { ErofsExtent } from './erofs-extent.ts';
export type { ErofsDirent } from './read-dirents.ts';
export type { ErofsInode, InodeType } from './read-inode.ts';
export type { ImageSink, LayerNeeds, LayerTar } from './layer-index.ts';
export { IndexedLayer } from './indexed-layer.ts';
export { layerChanges } from './layer-changes.ts';
export type { LayerChange } from './layer-changes.ts';
export { LayerIndexer } from './layer-indexer.ts';
export { defaultIndexLimits } from './limits.ts';
export type { IndexLimits } from './limits.ts';
export { MergedTree } from './merged-tree.ts';
export type { MergedEntry, MergedNode, PlacedInode } from './merged-tree.ts';
export type { Device } from './superblock.ts';
export { keptXattrs } from './xattr-codec.ts';
export type { ReadBytes } from './window-reader.ts';
