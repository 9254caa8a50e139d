import type { UsageKind } from '../engine/index.ts';

/** What people call the things that a store holds, many and one. */
export const usageWords: Readonly<Record<UsageKind, { readonly many: string; readonly one: string }>> = {
  image: { many: 'Images', one: 'image' },
  layer: { many: 'Layers', one: 'layer' },
  container: { many: 'Containers', one: 'container' },
  cache: { many: 'Build Cache', one: 'cache record' },
  'cache-mount': { many: 'Cache Mounts', one: 'cache mount' },
  blob: { many: 'Blobs', one: 'blob' },
  work: { many: 'Left-over Work', one: 'left-over work' },
  trash: { many: 'Trash', one: 'trash' },
  ingest: { many: 'Partial Downloads', one: 'partial download' },
};
