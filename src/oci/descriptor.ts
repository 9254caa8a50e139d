import { Fault } from '../errors/index.ts';
import type { Digest } from './digest.ts';
import { digestMatches, parseDigest } from './digest.ts';
import type { Fields, JsonValue } from './json.ts';
import {
  countAt,
  defined,
  fieldsOf,
  inOrder,
  objectAt,
  parseJsonObject,
  required,
  sortedMap,
  textAt,
  textMapAt,
  textsAt,
} from './json.ts';
import { isImageConfigType, isImageIndexType, isImageManifestType } from './media-type.ts';
import type { Platform } from './platform.ts';
import { platformFrom } from './platform.ts';

/**
 * A reference to content: what it is, what it is called, how long it is (image-spec descriptor.md). Field names are the
 * specification's own, here and in the other documents, so that a value reads like its JSON.
 *
 * A descriptor that was parsed is one that can be fetched and checked: its digest uses an algorithm that is known here,
 * its size is a whole number from 0, and not above the limit where the media type names a manifest or a config.
 * `data`, where present, was compared with size and digest.
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Length of the content in bytes. */
  readonly size: number;
  /** Other places that claim to have the content. Nothing here ever fetches them unasked. */
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** The content itself, in base64. */
  readonly data?: string;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** Limits on documents that come from outside, in bytes. */
export const maxManifestBytes = 4 * 1024 * 1024;
export const maxConfigBytes = 8 * 1024 * 1024;

/** Reads a descriptor that stands alone. */
export function parseDescriptor(bytes: Uint8Array): Descriptor {
  return descriptorFrom(parseJsonObject(bytes).values, 'descriptor');
}

/** Reads a descriptor out of a foreign document. */
export function descriptorFrom(value: unknown, path: string): Descriptor {
  const fields = fieldsOf(value, path);
  const platform = objectAt(fields, 'platform');
  const descriptor = defined({
    mediaType: required(fields, 'mediaType', mediaTypeAt),
    digest: required(fields, 'digest', digestAt),
    size: required(fields, 'size', countAt),
    urls: textsAt(fields, 'urls'),
    annotations: textMapAt(fields, 'annotations'),
    data: textAt(fields, 'data'),
    platform: platform === undefined ? undefined : platformFrom(platform),
    artifactType: mediaTypeAt(fields, 'artifactType'),
  });
  checkDescriptor(descriptor, path);
  return descriptor;
}

export function descriptorAt(fields: Fields, name: string): Descriptor | undefined {
  const object = objectAt(fields, name);
  return object === undefined ? undefined : descriptorFrom(object.values, object.path);
}

/** A media type (RFC 6838 section 4.2), without parameters. */
export function mediaTypeAt(fields: Fields, name: string): string | undefined {
  const text = textAt(fields, name);
  if (text === undefined || mediaTypeGrammar.test(text)) return text;
  throw new Fault(
    'invalid',
    `${fields.path === '' ? '' : `${fields.path}.`}${name} is not a media type: ${short(text)}`,
  );
}

/** The descriptor's fields in the order in which they are written. */
export function orderedDescriptor(descriptor: Descriptor): JsonValue {
  const { annotations, platform, ...rest } = descriptor;
  const sorted = defined({
    ...rest,
    annotations: sortedMap(annotations),
    platform: platform === undefined ? undefined : inOrder(platform, platformOrder),
  });
  return inOrder(sorted, descriptorOrder);
}

const descriptorOrder = [
  'mediaType',
  'digest',
  'size',
  'urls',
  'annotations',
  'data',
  'platform',
  'artifactType',
] as const;
const platformOrder = ['architecture', 'os', 'os.version', 'os.features', 'variant'] as const;

const mediaTypeGrammar = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

function digestAt(fields: Fields, name: string): Digest | undefined {
  const text = textAt(fields, name);
  if (text === undefined) return undefined;
  try {
    return parseDigest(text);
  } catch (error) {
    throw Fault.wrap(fields.path === '' ? 'descriptor' : fields.path, error);
  }
}

function checkDescriptor(descriptor: Descriptor, path: string): void {
  const { mediaType, size, urls = [], data } = descriptor;
  const limit = limitOf(mediaType);
  if (size > limit)
    throw new Fault('invalid', `${path}.size: ${size} bytes of ${mediaType} are over the limit of ${limit}`);
  for (const url of urls) {
    if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) throw new Fault('invalid', `${path}.urls: not a URL: ${short(url)}`);
  }
  if (data !== undefined) checkData(descriptor, data, path);
}

function checkData(descriptor: Descriptor, data: string, path: string): void {
  const bytes = Buffer.from(data, 'base64');
  if (bytes.toString('base64') !== data) throw new Fault('invalid', `${path}.data is not base64`);
  if (bytes.length !== descriptor.size || !digestMatches(descriptor.digest, bytes)) {
    throw new Fault('corrupt', `${path}.data is not the content of ${descriptor.digest}`);
  }
}

function limitOf(mediaType: string): number {
  if (isImageManifestType(mediaType) || isImageIndexType(mediaType)) return maxManifestBytes;
  return isImageConfigType(mediaType) ? maxConfigBytes : Number.MAX_SAFE_INTEGER;
}

function short(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
