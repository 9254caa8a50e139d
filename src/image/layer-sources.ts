import type { BlobStore } from '../blob/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { familyOf, layerCompression, toDigest, type Descriptor, type DiffId } from '../oci/index.ts';
import type { LayoutBlob } from '../registry/index.ts';
import {
  bytesOfFile,
  compressedLayer,
  layerTypes,
  rememberedForm,
  type CompressionMemory,
  type CompressLayerOptions,
} from './compressed-layer.ts';
import type { StoredImage } from './image-store.ts';
import { storedBlob } from './outgoing-image.ts';

/** How layers are written. */
export interface LayerPacking {
  readonly kind: 'uncompressed' | 'gzip' | 'zstd';
  /** gzip: 0…9, zstd: 1…22; the default of the kind where it is undefined. */
  readonly level: number | undefined;
  /** Also those whose compressed form, as it was pulled, is here: it is passed on byte for byte else. */
  readonly isForced: boolean;
}

export interface LayerSource {
  /** With the media type of the family that was asked for. */
  readonly descriptor: Descriptor;
  readonly blob: LayoutBlob;
}

export interface LayerSourcesOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly holder: LayerHolder;
  readonly signal: AbortSignal;
  /** Undefined: as the manifest says, or the tar where that form is not here. */
  readonly packing: LayerPacking | undefined;
  /** Images whose compressed layers may be passed on. */
  readonly images: readonly StoredImage[];
  /** Remembers what was compressed beyond the holder; undefined for what leaves the machine once. */
  readonly memory?: CompressionMemory | undefined;
}

/**
 * Finds, or makes, the form in which each layer leaves. What is compressed here goes into the store of blobs: it is kept as
 * long as the holder is, with a memory as long as the layer, and is not made twice meanwhile. Equal layers and packing give equal bytes with the same release.
 */
export class LayerSources {
  readonly #options: LayerSourcesOptions;
  readonly #pulled: ReadonlyMap<DiffId, Descriptor>;
  readonly #made = new Map<string, Promise<Descriptor>>();

  constructor(options: LayerSourcesOptions) {
    this.#options = options;
    this.#pulled = options.packing === undefined ? new Map() : pulledForms(options.images);
  }

  /** `onGrowing` is told where the layer is compressed because of this call, which ends when that is done. */
  async source(
    stored: Descriptor,
    diffId: DiffId,
    { onGrowing }: Pick<CompressLayerOptions, 'onGrowing'> = {},
  ): Promise<LayerSource> {
    const { blobs, packing } = this.#options;
    const family = familyOf(stored.mediaType) ?? 'oci';
    const isTar = stored.digest === toDigest(diffId);
    if (packing === undefined) {
      const isHere = !isTar && blobs.stat(stored.digest) !== undefined;
      return isHere ? { descriptor: stored, blob: storedBlob(blobs, stored.digest) } : this.#tar(stored, diffId);
    }
    const pulled = packing.isForced ? undefined : this.#pulledForm(diffId);
    if (pulled !== undefined) return this.#ofFamily(pulled, family);
    if (packing.kind === 'uncompressed') return this.#tar(stored, diffId);
    const known = this.#made.get(diffId) ?? this.#compressed(diffId, packing.kind, onGrowing);
    this.#made.set(diffId, known);
    return this.#ofFamily(await known, family);
  }

  #pulledForm(diffId: DiffId): Descriptor | undefined {
    const found = this.#pulled.get(diffId);
    const { blobs, holder } = this.#options;
    return found !== undefined && blobs.hold(found.digest, holder) ? found : undefined;
  }

  #ofFamily(descriptor: Descriptor, family: 'oci' | 'docker'): LayerSource {
    const { digest, size, mediaType } = descriptor;
    const blob = storedBlob(this.#options.blobs, digest);
    if (familyOf(mediaType) === family) return { descriptor, blob };
    const type = layerTypes[family][layerCompression(mediaType) === 'zstd' ? 'zstd' : 'gzip'];
    return { descriptor: { mediaType: type, digest, size }, blob };
  }

  #tar(stored: Descriptor, diffId: DiffId): LayerSource {
    const digest = toDigest(diffId);
    const { path, sizeBytes } = this.#options.layers.tar(diffId);
    const mediaType = layerTypes[familyOf(stored.mediaType) ?? 'oci'].uncompressed;
    const descriptor = stored.digest === digest ? stored : { mediaType, digest, size: sizeBytes };
    return { descriptor, blob: { digest, sizeBytes, read: (offsetBytes) => bytesOfFile(path, offsetBytes) } };
  }

  /** The form in which the layer leaves, where nothing has to be compressed for it. */
  ready(stored: Descriptor, diffId: DiffId): LayerSource | undefined {
    const { packing, memory } = this.#options;
    if (packing === undefined || packing.kind === 'uncompressed') return undefined;
    const pulled = packing.isForced ? undefined : this.#pulledForm(diffId);
    const known = pulled ?? (memory && rememberedForm(diffId, packing, { ...this.#options, memory }));
    return known && this.#ofFamily(known, familyOf(stored.mediaType) ?? 'oci');
  }

  #compressed(
    diffId: DiffId,
    kind: 'gzip' | 'zstd',
    onGrowing: CompressLayerOptions['onGrowing'],
  ): Promise<Descriptor> {
    return compressedLayer(diffId, { kind, level: this.#options.packing?.level }, { ...this.#options, onGrowing });
  }
}

/** Compressed forms that the manifests of images name. */
function pulledForms(images: readonly StoredImage[]): ReadonlyMap<DiffId, Descriptor> {
  const pairs = images.flatMap(({ manifests, chain }) =>
    manifests.flatMap(({ manifest }) =>
      manifest.layers.map((layer, index) => [chain[index] as DiffId, layer] as const),
    ),
  );
  return new Map(pairs.filter(([diffId, { digest }]) => digest !== toDigest(diffId)));
}
