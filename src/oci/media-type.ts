import type { Compression } from '../std/index.ts';

/** The media types of images (image-spec media-types.md; Docker image manifest v2 schema 2). */
export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
} as const;

/** What can be asked of a registry as a manifest. */
export const manifestMediaTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
];

/** Who defined a media type; undefined for one that belongs to neither. */
export type MediaFamily = 'oci' | 'docker';

export function familyOf(mediaType: string): MediaFamily | undefined {
  if (mediaType.startsWith('application/vnd.oci.image.')) return 'oci';
  return mediaType.startsWith('application/vnd.docker.') ? 'docker' : undefined;
}

export function isImageManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}

export function isImageIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerManifestList;
}

export function isImageConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
}

/**
 * How a layer of this type is compressed, according to its type; undefined if it is no layer's type. What the bytes
 * are decides in the end: images whose gzip layers are called plain exist.
 */
export function layerCompression(mediaType: string): Compression | undefined {
  return compressions.get(mediaType.replace(/\.(nondistributable|foreign)\./, '.'));
}

/** True for the layer types whose blobs a registry need not have (Windows bases): they are at their `urls` only. */
export function isForeignLayerType(mediaType: string): boolean {
  return /^application\/vnd\.(oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/.test(mediaType);
}

const compressions: ReadonlyMap<string, Compression> = new Map([
  [mediaTypes.ociLayer, 'none'],
  [mediaTypes.ociLayerGzip, 'gzip'],
  [mediaTypes.ociLayerZstd, 'zstd'],
  [mediaTypes.dockerLayer, 'none'],
  [mediaTypes.dockerLayerGzip, 'gzip'],
  [mediaTypes.dockerLayerZstd, 'zstd'],
]);
