import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { defined, type ContainerConfig, type ImageConfig, type Platform, type Reference } from '../oci/index.ts';
import { decompress, type Clock } from '../std/index.ts';
import type { ImageStore, StoredImage } from './image-store.ts';

export interface ImportImageOptions {
  readonly layers: LayerStore;
  readonly images: ImageStore;
  readonly clock: Clock;
  readonly holder: LayerHolder;
  readonly names: readonly Reference[];
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly message: string | undefined;
  readonly signal: AbortSignal;
}

/** Makes an image of one layer from the tar of a root filesystem, plain, gzip or zstd. */
export async function importImage(tar: AsyncIterable<Uint8Array>, options: ImportImageOptions): Promise<StoredImage> {
  const { layers, images, clock, holder, names, platform, config, message, signal } = options;
  using writer = layers.writer({ holder, below: [] });
  for await (const chunk of decompress(tar)) {
    signal.throwIfAborted();
    writer.write(chunk);
  }
  const layer = writer.commit();
  const created = new Date(clock.now()).toISOString();
  const image: ImageConfig = defined({
    created,
    architecture: platform.architecture,
    variant: platform.variant,
    os: platform.os,
    config,
    rootfs: { type: 'layers' as const, diff_ids: [layer.diffId] },
    history: [defined({ created, created_by: 'import', comment: message ?? 'Imported from -' })],
  });
  return images.add(image, { names, holder });
}
