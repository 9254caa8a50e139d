/**
 * Layers by their diff ID: a tar comes in and is hashed and indexed, its tree can be read back. Knows entries and
 * deletions, no mounts, no images.
 */
export type { ContentId } from './content-id.ts';
export { FileReader } from './file-reader.ts';
export { FileLayerStore } from './file-layer-store.ts';
export type { FileLayerStoreOptions } from './file-layer-store.ts';
export { LayerFiles } from './layer-files.ts';
export { takeLayerInventory } from './layer-inventory.ts';
export type { LayerInventory, StoredFile, StoredIndex } from './layer-inventory.ts';
export { LayerPacker } from './layer-packer.ts';
export type { ContentSha256, PackedLayer } from './layer-packer.ts';
export type { LayerIndex, LayerStore, OpenTree, TarFile, TreeNode, TreeNodeType } from './layer-store.ts';
export type { LayerHolder, LayerInfo, LayerWriter, PackerOptions, WriterOptions } from './layer-writer.ts';
export { readContentId } from './read-content-id.ts';
export { verifyIndex } from './verify-index.ts';
export type { IndexVerdict } from './verify-index.ts';
