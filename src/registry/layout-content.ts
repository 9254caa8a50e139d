import type { Descriptor, Digest, Reference } from '../oci/index.ts';
import { encodeManifest, formatReference, imageLayout, mediaTypes } from '../oci/index.ts';

/** What goes into an OCI layout. */
export interface LayoutContent {
  readonly images: readonly LayoutImage[];
  /** Every blob that the images need, their manifests included; one that is listed twice is written once. */
  readonly blobs: Iterable<LayoutBlob>;
  /** What else is put beside them, by path. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

export interface LayoutImage {
  /** Of an image's manifest or of an index. */
  readonly descriptor: Descriptor;
  /** May be empty: the image is then in the layout without a name. */
  readonly names: readonly Reference[];
  /** What it is made of, for readers that know no index.json; undefined for an index. */
  readonly parts?: LayoutParts | undefined;
}

export interface LayoutParts {
  readonly config: Digest;
  /** Lowest first. */
  readonly layers: readonly Digest[];
}

export interface LayoutBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Its bytes from `offsetBytes` on (default 0), as often as they are wanted. */
  read(offsetBytes?: number): AsyncIterable<Uint8Array>;
}

/**
 * The bytes of `index.json`. Each name is an entry, with the annotations that others look for: the tag as `ref.name` (as
 * Docker writes it; the whole name where two images have the same tag), the whole name as `io.containerd.image.name`.
 */
export function layoutIndex(images: readonly LayoutImage[]): Uint8Array {
  const tags = images.flatMap(({ names }) => names.map(({ tag }) => tag));
  const isUnique = (tag: string | undefined): tag is string =>
    tag !== undefined && tags.indexOf(tag) === tags.lastIndexOf(tag);
  const manifests = images.flatMap(({ descriptor, names }) => {
    if (names.length === 0) return [descriptor];
    return names.map((name) => {
      const full = formatReference(name);
      const annotations = { [containerdName]: full, [imageLayout.refName]: isUnique(name.tag) ? name.tag : full };
      return Object.assign({}, descriptor, { annotations: Object.assign({}, descriptor.annotations, annotations) });
    });
  });
  return encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests });
}

/** The entries of an `index.json` with one more; an entry that had its name, or was the same without a name, goes. */
export function listedAs(
  entries: readonly Descriptor[],
  { mediaType, digest, size, platform }: Descriptor,
  name: string | undefined,
): readonly Descriptor[] {
  const others = entries.filter(
    (each) => each.annotations?.[imageLayout.refName] !== name || (name === undefined && each.digest !== digest),
  );
  const annotations = name === undefined ? {} : { annotations: { [imageLayout.refName]: name } };
  return [...others, { mediaType, digest, size, ...(platform === undefined ? {} : { platform }), ...annotations }];
}

const containerdName = 'io.containerd.image.name';
