import { Fault } from '../errors/index.ts';
import type { Digest } from './digest.ts';
import { algorithmOf, hexOf } from './digest.ts';
import { encodeJson, parseJsonObject, required, textAt } from './json.ts';

/** A directory or archive of images (image-spec image-layout.md): where things stand in it. */
export const imageLayout = {
  /** Says that this is a layout, and of which version. */
  marker: 'oci-layout',
  /** An image index: the entry points, named by the annotation `refName`. */
  index: 'index.json',
  blobs: 'blobs',
  refName: 'org.opencontainers.image.ref.name',
} as const;

/** Path of a blob in a layout. */
export function layoutBlobPath(digest: Digest): string {
  return `${imageLayout.blobs}/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** The content of the marker file. */
export function encodeLayoutMarker(): Uint8Array {
  return encodeJson({ imageLayoutVersion: '1.0.0' });
}

/** Checks the content of a marker file; a version that is not known is `unsupported`. */
export function checkLayoutMarker(bytes: Uint8Array): void {
  const version = required(parseJsonObject(bytes), 'imageLayoutVersion', textAt);
  if (version === '1.0.0') return;
  throw new Fault('unsupported', `read image layout: version ${JSON.stringify(version)} is not known, only 1.0.0 is`);
}
