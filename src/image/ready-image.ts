import type { BlobStore } from '../blob/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import type { Digest, Platform, Reference } from '../oci/index.ts';
import type { ImageStore } from './image-store.ts';
import type { PullEvent } from './pull-image.ts';

export interface LoadImagesOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  /** Keeps what is read until it has a name. */
  readonly holder: LayerHolder;
  /** Which image of an index is taken where not all of them are in the archive. */
  readonly platform: Platform;
  readonly signal: AbortSignal;
  readonly onEvent: (event: LoadEvent) => void;
}

export type LoadEvent = PullEvent | { readonly kind: 'warning'; readonly message: string };

/** An image or index all of which is in the store by now, without a name. */
export interface ReadyImage {
  readonly kind: 'image' | 'index';
  /** Of the manifest or the index. */
  readonly digest: Digest;
  readonly names: readonly Reference[];
}
