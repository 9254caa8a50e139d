import type { BlobStore } from '../../blob/index.ts';
import type { WriteChunk } from '../../host/index.ts';
import type { ImageStore } from '../../image/index.ts';
import type { LayerHolder, LayerStore } from '../../layer/index.ts';
import type { Descriptor, Digest, ImageConfig, Platform, Reference } from '../../oci/index.ts';
import type { Annotation } from './output-annotations.ts';

/** What one target of a build came to. */
export interface FinishedTarget {
  /** One for each platform that was asked for, in that order; at least one. */
  readonly platforms: readonly FinishedPlatform[];
  /** True where several platforms were asked for, or their form for one: the image is an index, folders are split. */
  readonly isMulti: boolean;
  /** Those of `-t`. */
  readonly names: readonly Reference[];
  /** Those of `--annotation`. */
  readonly annotations: readonly Annotation[];
}

export interface FinishedPlatform {
  readonly platform: Platform;
  /** Its `rootfs.diff_ids` are the layers; they are stored, and held. */
  readonly config: ImageConfig;
}

/** What writing needs beside the result. */
export interface OutputPorts {
  readonly images: ImageStore;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly holder: LayerHolder;
  /** This machine's. */
  readonly platform: Platform;
  /** Standard output, for `dest=-`. */
  readonly stdout: WriteChunk;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
}

/** An image as an output wrote it. */
export interface WrittenImage {
  /** Of the manifest, or of the index where there are several platforms. */
  readonly descriptor: Descriptor;
  /** The image ID for this machine's platform, or for the first. */
  readonly imageId: Digest;
  /** The only image's; undefined for an index. */
  readonly configDigest: Digest | undefined;
  /** Those that it was given here, in the store or in an archive, in full form; it may have others. */
  readonly names: readonly string[];
}
