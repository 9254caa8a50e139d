import { Fault } from '../errors/index.ts';
import type { Descriptor } from './descriptor.ts';
import { descriptorAt, descriptorFrom, maxManifestBytes, mediaTypeAt, orderedDescriptor } from './descriptor.ts';
import type { Fields } from './json.ts';
import { countAt, defined, encodeJson, listAt, parseJsonObject, required, sortedMap, textMapAt } from './json.ts';
import { familyOf, isImageIndexType, isImageManifestType, mediaTypes } from './media-type.ts';

/**
 * What a registry keeps under a tag: the manifest of one image, or an index of several (image-spec manifest.md and
 * image-index.md; Docker's "schema 2" manifest and manifest list are the same documents under other media types).
 *
 * Their bytes are their identity: keep the bytes that were served, and never encode a parsed manifest anew to store,
 * send or hash it. `encodeManifest` is for documents that are made here.
 */
export type Manifest = ImageManifest | ImageIndex;

export interface ImageManifest {
  readonly kind: 'image';
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  /** From the base up. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly artifactType?: string;
  /** Usually one for each platform; each may be an index again. Whoever follows them bounds depth and number. */
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads a manifest of either kind. `mediaType` is what it was served as, or what the descriptor that led here says.
 *
 * Refused as `invalid`: more than 4 MiB; no JSON object; both `manifests` and `layers` or `config` (CVE-2021-41190); a
 * `mediaType` in the document that is not the one it was served as; neither says what it is; an image manifest that
 * mixes Docker's and OCI's media types; descriptors that `Descriptor` excludes. Docker's schema 1 and documents that
 * are no image manifests are `unsupported`.
 */
export function parseManifest(bytes: Uint8Array, options: { readonly mediaType?: string } = {}): Manifest {
  try {
    if (bytes.length > maxManifestBytes) {
      throw new Fault('invalid', `${bytes.length} bytes are over the limit of ${maxManifestBytes}`);
    }
    return manifestFrom(parseJsonObject(bytes), options.mediaType);
  } catch (error) {
    throw Fault.wrap('parse manifest', error);
  }
}

/** As `parseManifest`, for where only the manifest of one image will do. */
export function parseImageManifest(bytes: Uint8Array, options: { readonly mediaType?: string } = {}): ImageManifest {
  const manifest = parseManifest(bytes, options);
  if (manifest.kind === 'image') return manifest;
  throw new Fault('invalid', 'parse manifest: an index stands where the manifest of one image was expected');
}

/** The bytes of a manifest that is made here: fields in the specification's order, maps sorted, no blanks. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { mediaType, artifactType, subject, annotations } = manifest;
  const content =
    manifest.kind === 'image'
      ? { config: orderedDescriptor(manifest.config), layers: manifest.layers.map(orderedDescriptor) }
      : { manifests: manifest.manifests.map(orderedDescriptor) };
  return encodeJson({
    schemaVersion: 2,
    mediaType,
    ...defined({ artifactType }),
    ...content,
    ...defined({ subject: subject && orderedDescriptor(subject), annotations: sortedMap(annotations) }),
  });
}

function manifestFrom(fields: Fields, servedAs: string | undefined): Manifest {
  const has = (name: string): boolean => Object.hasOwn(fields.values, name);
  if (has('manifests') && (has('layers') || has('config'))) {
    throw new Fault('invalid', 'it is both an index and the manifest of an image (CVE-2021-41190)');
  }
  checkSchemaVersion(fields);
  const mediaType = mediaTypeOf(fields, servedAs);
  if (isImageIndexType(mediaType)) return indexFrom(fields, mediaType);
  if (isImageManifestType(mediaType)) return imageFrom(fields, mediaType);
  throw new Fault('unsupported', `its media type ${mediaType} is not that of an image`);
}

function checkSchemaVersion(fields: Fields): void {
  const version = required(fields, 'schemaVersion', countAt);
  if (version === 2) return;
  throw new Fault('unsupported', `its schema version is ${version}, only 2 is known`, {
    hint: 'images in the format of before 2016 have to be pushed again by a newer program',
  });
}

function mediaTypeOf(fields: Fields, servedAs: string | undefined): string {
  const stated = mediaTypeAt(fields, 'mediaType');
  if (stated !== undefined && servedAs !== undefined && stated !== servedAs) {
    throw new Fault('invalid', `it was served as ${servedAs} but says that it is ${stated}`);
  }
  const mediaType =
    stated ?? servedAs ?? (Object.hasOwn(fields.values, 'manifests') ? mediaTypes.ociIndex : mediaTypes.ociManifest);
  if (stated === undefined && familyOf(mediaType) === 'docker') throw new Fault('invalid', 'mediaType is missing');
  return mediaType;
}

function indexFrom(fields: Fields, mediaType: string): ImageIndex {
  const manifests = required(fields, 'manifests', (from, name) => listAt(from, name, descriptorFrom));
  return { kind: 'index', mediaType, manifests, ...sharedFrom(fields) };
}

function imageFrom(fields: Fields, mediaType: string): ImageManifest {
  const config = required(fields, 'config', descriptorAt);
  // Go writes `null` for the layers of an image that has none.
  const layers =
    fields.values['layers'] === null
      ? []
      : required(fields, 'layers', (from, name) => listAt(from, name, descriptorFrom));
  for (const descriptor of [config, ...layers]) checkFamily(descriptor, mediaType);
  return { kind: 'image', mediaType, config, layers, ...sharedFrom(fields) };
}

function sharedFrom(fields: Fields): Pick<Manifest, 'artifactType' | 'subject' | 'annotations'> {
  return defined({
    artifactType: mediaTypeAt(fields, 'artifactType'),
    subject: descriptorAt(fields, 'subject'),
    annotations: textMapAt(fields, 'annotations'),
  });
}

function checkFamily(descriptor: Descriptor, mediaType: string): void {
  const family = familyOf(descriptor.mediaType);
  if (family === undefined || family === familyOf(mediaType)) return;
  throw new Fault('invalid', `it is ${mediaType} but refers to ${descriptor.mediaType}`);
}
