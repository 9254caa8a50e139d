/**
 * Images and their names: what is stored whole, how it gets here, what it is made of. Knows no containers and no builds.
 */
export { annotated } from './annotations.ts';
export type { Annotations } from './annotations.ts';
export type {
  AddOptions,
  ImageStore,
  IndexMember,
  NamingOptions,
  StoredImage,
  StoredIndex,
  StoredManifest,
  StoredMember,
} from './image-store.ts';
export { cacheArtifact, readCacheArtifact } from './cache-artifact.ts';
export type { CacheArtifact, ReadCacheOptions } from './cache-artifact.ts';
export { fetchLayer } from './fetch-layer.ts';
export type { FetchLayerOptions } from './fetch-layer.ts';
export { importImage } from './import-image.ts';
export type { ImportImageOptions } from './import-image.ts';
export { isImageMember } from './index-members.ts';
export { loadImages, receiveImages } from './load-images.ts';
export type { LoadedImage } from './load-images.ts';
export type { LoadEvent, LoadImagesOptions } from './ready-image.ts';
export { LocalImageStore } from './local-image-store.ts';
export type { LocalImageStoreOptions } from './local-image-store.ts';
export { noSuchPlatform } from './no-such-platform.ts';
export { copyImage } from './copy-image.ts';
export type { CopiedImage, CopyImageOptions } from './copy-image.ts';
export { outgoingRemote } from './outgoing-remote.ts';
export type { OutgoingRemote } from './outgoing-remote.ts';
export { pullIndex } from './pull-index.ts';
export { fetchImage, pullImage } from './pull-image.ts';
export type { PulledImage, PullEvent, PullImageOptions, PullPorts } from './pull-image.ts';
export { pushImage } from './push-image.ts';
export type { PushEvent, PushImageOptions, PushPorts } from './push-layer.ts';
export type { CompressionMemory } from './compressed-layer.ts';
export { LayerSources } from './layer-sources.ts';
export type { LayerPacking } from './layer-sources.ts';
export { freshImage, freshIndex, storedManifest, storedOutgoing } from './outgoing-image.ts';
export type { FreshMember, Outgoing, OutgoingImage, OutgoingIndex } from './outgoing-image.ts';
export type { OmittedLayer } from './omitted-layers.ts';
export { saveImages } from './save-images.ts';
export type { SaveImagesOptions, SaveTarget } from './save-images.ts';
export { holdCacheFolder, writeCacheFolder } from './cache-folder.ts';
export { pushCache } from './write-cache-artifact.ts';
export type { CacheContent, WriteCacheOptions } from './write-cache-artifact.ts';
