/**
 * Layers as trees that can be used: merged views, writable views and what was changed in them. Knows no images and no
 * containers.
 */
export type {
  CacheMount,
  CacheMountFill,
  CacheMountIdentity,
  CacheMountProblem,
  CacheMountRequest,
  CacheMounts,
  CacheMountUse,
} from './cache-mounts.ts';
export { copyRootMetadata, copyRootStatus, copyTree, isKeptAttribute } from './copy-tree.ts';
export { DirectoryRoots } from './directory-roots.ts';
export { ErofsRoots } from './erofs-roots.ts';
export type { LayerRoots } from './layer-roots.ts';
export { LocalCacheMounts } from './local-cache-mounts.ts';
export type { CacheMountOptions } from './local-cache-mounts.ts';
export { OverlaySnapshotter } from './overlay-snapshotter.ts';
export type { OverlayOptions } from './overlay-snapshotter.ts';
export { packAtOnce, packInSlices } from './pack-slices.ts';
export type { PackSlicesOptions } from './pack-slices.ts';
export type { MountedView, PackReport, PackSlices, Snapshotter, WritableOptions } from './snapshotter.ts';
export { probeErofs } from './probe-erofs.ts';
export type { ErofsProbe } from './probe-erofs.ts';
export type { TreeChange } from './tree-change.ts';
export { TemporaryArea, WorkAreas } from './work-areas.ts';
export type { WorkArea } from './work-areas.ts';
