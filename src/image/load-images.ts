import { Fault } from '../errors/index.ts';
import { choosePlatform, formatReference, type Digest } from '../oci/index.ts';
import { ArchiveContent } from './archive-content.ts';
import { dockerImages } from './load-docker-images.ts';
import { layoutImages } from './load-layout-images.ts';
import type { LoadImagesOptions, ReadyImage } from './ready-image.ts';
import { receiveArchive } from './receive-archive.ts';

export interface LoadedImage {
  /** In full form; none for an image that the archive gives no name. */
  readonly names: readonly string[];
  /** Of an index, that of its image for the platform, or its first. */
  readonly imageId: Digest;
}

/**
 * Brings the images of an archive into the store: an OCI layout as a tar, what `docker save` writes, of whatever version,
 * plain, gzip or zstd. The archive may come through a pipe: it is read once, and layers are stored while it comes.
 *
 * Manifests, configs and indexes of a layout are kept byte for byte. Docker's older format has no manifests: its images get
 * one over their uncompressed layers; the image ID is the same. Layers that the archive lacks are taken from
 * the store, where they are known by their diff IDs; `not-found` names those that are neither here nor there.
 *
 * All images get their names when every one of them is whole: an archive with anything wrong in it changes no name.
 */
export async function loadImages(
  bytes: AsyncIterable<Uint8Array>,
  options: LoadImagesOptions,
): Promise<readonly LoadedImage[]> {
  return (await receiveImages(bytes, options)).map((image) => adopt(image, options));
}

/** The images of an archive, each whole and in the store, kept by the holder alone: none has a name yet. */
export async function receiveImages(
  bytes: AsyncIterable<Uint8Array>,
  options: LoadImagesOptions,
): Promise<readonly ReadyImage[]> {
  const content = new ArchiveContent(await receiveArchive(bytes, options), options);
  const ready = content.isLayout ? await layoutImages(content, options) : await dockerImages(content);
  if (ready.length === 0) throw new Fault('invalid', 'load images: there is none in the archive');
  return ready;
}

function adopt({ kind, digest, names }: ReadyImage, { images, holder, platform }: LoadImagesOptions): LoadedImage {
  const full = names.map(formatReference);
  if (kind === 'image') return { names: full, imageId: images.adopt(digest, { names, holder }).imageId };
  const { members } = images.adoptIndex(digest, { names, holder });
  const shown = choosePlatform(members, platform) ?? members[0];
  return { names: full, imageId: shown?.image.imageId ?? digest };
}
