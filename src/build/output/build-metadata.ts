import { defined } from '../../oci/index.ts';
import type { WrittenImage } from './finished-target.ts';

export type BuildMetadata = Readonly<Record<string, unknown>>;

export interface MetadataTarget {
  /** The stage, as progress names it. */
  readonly label: string;
  /** Undefined where no output made an image. */
  readonly image: WrittenImage | undefined;
}

/**
 * What `--metadata-file` holds, with the keys of `docker buildx build`; several targets stand under their labels, as
 * `docker buildx bake` has them. What belongs to a builder elsewhere (`buildx.build.ref`) or to attestations is not in it.
 */
export function buildMetadata(targets: readonly MetadataTarget[]): BuildMetadata {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return metadataOf(only.image);
  return Object.fromEntries(targets.map(({ label, image }) => [label, metadataOf(image)]));
}

function metadataOf(image: WrittenImage | undefined): BuildMetadata {
  if (image === undefined) return {};
  const { descriptor, configDigest, names } = image;
  return defined({
    'containerimage.config.digest': configDigest,
    'containerimage.descriptor': descriptor,
    'containerimage.digest': descriptor.digest,
    'image.name': names.length === 0 ? undefined : names.join(','),
  });
}
