import { Fault } from '../errors/index.ts';
import type { Descriptor } from './descriptor.ts';
import type { DiffId } from './digest.ts';
import type { ImageConfig } from './image-config.ts';
import type { ImageManifest } from './manifest.ts';

/** One layer of an image: the blob that carries it and what it is once uncompressed. */
export interface ImageLayer {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
}

/**
 * The layers of an image from the base up: the manifest's blobs paired with the config's DiffIds. A pair of documents
 * that disagrees about their number is `invalid`.
 */
export function imageLayers(manifest: ImageManifest, config: ImageConfig): readonly ImageLayer[] {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    const counts = `${manifest.layers.length} layers in the manifest, ${diffIds.length} in the config`;
    throw new Fault('invalid', `read the layers of image ${manifest.config.digest}: ${counts}`);
  }
  return manifest.layers.flatMap((descriptor, index) => {
    const diffId = diffIds[index];
    return diffId === undefined ? [] : [{ descriptor, diffId }];
  });
}
