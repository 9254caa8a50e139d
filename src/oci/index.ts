/**
 * The OCI specifications, image and distribution, as types and pure parsers and formatters: digests, references,
 * platforms, descriptors, manifests, indexes, configs. Everything that is parsed here came from outside and is checked;
 * everything that is encoded here has the same bytes every time. Knows no files, no network and no store.
 */
export {
  algorithmOf,
  chainIds,
  createDigester,
  digestMatches,
  digestOf,
  extendChain,
  hexOf,
  parseDiffId,
  parseDigest,
  shortDigest,
  toDiffId,
  toDigest,
} from './digest.ts';
export type { ChainId, DiffId, Digest, DigestAlgorithm, Digester } from './digest.ts';
export {
  defaultTag,
  dockerHub,
  familiarName,
  familiarReference,
  formatReference,
  isTag,
  parseReference,
  tagOrDigest,
} from './reference.ts';
export type { Reference } from './reference.ts';
export {
  choosePlatform,
  formatPlatform,
  normalisePlatform,
  parsePlatform,
  platformOfNode,
  samePlatform,
} from './platform.ts';
export type { Platform } from './platform.ts';
export {
  familyOf,
  isForeignLayerType,
  isImageConfigType,
  isImageIndexType,
  isImageManifestType,
  layerCompression,
  manifestMediaTypes,
  mediaTypes,
} from './media-type.ts';
export type { MediaFamily } from './media-type.ts';
export { maxConfigBytes, maxManifestBytes, parseDescriptor } from './descriptor.ts';
export type { Descriptor } from './descriptor.ts';
export { encodeManifest, parseImageManifest, parseManifest } from './manifest.ts';
export type { ImageIndex, ImageManifest, Manifest } from './manifest.ts';
export { encodeImageConfig, parseImageConfig } from './image-config.ts';
export type { ContainerConfig, Healthcheck, History, ImageConfig } from './image-config.ts';
export { imageLayers } from './image-layers.ts';
export type { ImageLayer } from './image-layers.ts';
export { checkLayoutMarker, encodeLayoutMarker, imageLayout, layoutBlobPath } from './image-layout.ts';
export {
  countAt,
  defined,
  encodeJson,
  fieldsOf,
  flagAt,
  listAt,
  objectAt,
  parseJsonObject,
  required,
  textAt,
  textMapAt,
  textsAt,
} from './json.ts';
export type { EmptyObject, Fields, JsonValue } from './json.ts';
