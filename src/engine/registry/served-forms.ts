import { Fault } from '../../errors/index.ts';
import { LayerSources, type LayerPacking } from '../../image/index.ts';
import type { LayerHolder } from '../../layer/index.ts';
import {
  digestOf,
  encodeManifest,
  imageLayers,
  isForeignLayerType,
  isImageConfigType,
  maxConfigBytes,
  parseImageConfig,
  parseManifest,
  toDigest,
  type Descriptor,
  type Digest,
  type ImageIndex,
  type ImageLayer,
  type ImageManifest,
} from '../../oci/index.ts';
import type { ServedManifest } from '../../registry-server/index.ts';
import type { Store } from '../store.ts';
import { isManifest, referredTo, type ManifestReader, type ReadManifest } from './manifest-reader.ts';
import { storedFile } from './stored-blob.ts';

export interface ServedFormsOptions {
  readonly store: Store;
  readonly reader: ManifestReader;
  readonly holder: LayerHolder;
  /** How layers leave that are here as tars only. */
  readonly compression: LayerPacking['kind'];
  readonly signal: AbortSignal;
}

/**
 * Manifests as they are given out. Most are as they are stored. A layer whose compressed form was never fetched leaves as
 * its tar; where layers are to be compressed, tars leave compressed, once and for all, before the manifest is given
 * out that names them. The manifest is another one then, and so is the index above it. The same image gives the same
 * manifest as long as the release of varve is the same. What was made is known by its digest while this object lives.
 */
export class ServedForms {
  readonly #options: ServedFormsOptions;
  readonly #sources: LayerSources;
  readonly #made = new Map<Digest, ServedManifest>();

  constructor(options: ServedFormsOptions) {
    const { store, holder, signal, compression } = options;
    const { blobs, layers, state } = store;
    const packing = { kind: compression, level: undefined, isForced: false };
    const memory = { records: state.compressedLayers, locks: state.locks };
    this.#options = options;
    this.#sources = new LayerSources({ blobs, layers, holder, signal, packing, memory, images: [] });
  }

  /** What was made, if all of it is still here. */
  made(digest: Digest): ServedManifest | undefined {
    const made = this.#made.get(digest);
    if (made === undefined) return undefined;
    const parts = referredTo(parseManifest(made.bytes, made)).filter((each) => !isManifest(each));
    const isWhole = parts.every((each) => this.#isHere(each));
    for (const { digest: part } of parts) this.#options.holder.add(part);
    return isWhole ? made : undefined;
  }

  /** Undefined where something of it is not here in any form. */
  async formOf(digest: Digest): Promise<ServedManifest | undefined> {
    const found = this.#options.reader.read(digest);
    if (found === undefined) return undefined;
    const { manifest } = found;
    return manifest.kind === 'index' ? this.#formOfIndex(found, manifest) : this.#formOfImage(found, manifest);
  }

  async #formOfIndex(found: ReadManifest, index: ImageIndex): Promise<ServedManifest> {
    const manifests: Descriptor[] = [];
    for (const member of index.manifests) {
      const form = isManifest(member) ? await this.formOf(member.digest) : undefined;
      manifests.push(form === undefined ? member : { ...member, digest: form.digest, size: form.bytes.length });
    }
    const isSame = manifests.every(({ digest }, at) => digest === index.manifests[at]?.digest);
    return isSame ? this.#asStored(found) : this.#make({ ...index, manifests });
  }

  async #formOfImage(found: ReadManifest, manifest: ImageManifest): Promise<ServedManifest | undefined> {
    const isWhole = referredTo(manifest).every((each) => this.#isHere(each));
    try {
      const layers: Descriptor[] = [];
      for (const layer of layersOf(this.#options.store, manifest)) layers.push(await this.#formOfLayer(layer));
      const isSame = layers.every(({ digest }, at) => digest === manifest.layers[at]?.digest);
      return isSame ? this.#asStored(found) : this.#make({ ...manifest, layers });
    } catch (error) {
      // What is no image cannot be made another one: it is served as it is, or not at all.
      if (Fault.is(error, 'cancelled') || !Fault.is(error)) throw error;
      return isWhole ? this.#asStored(found) : undefined;
    }
  }

  async #formOfLayer({ descriptor, diffId }: ImageLayer): Promise<Descriptor> {
    const isTar = descriptor.digest === toDigest(diffId);
    if (this.#isHere(descriptor) && !isTar) return descriptor;
    return (await this.#sources.source(descriptor, diffId)).descriptor;
  }

  #isHere({ digest, mediaType }: Descriptor): boolean {
    return isForeignLayerType(mediaType) || storedFile(this.#options.store, digest) !== undefined;
  }

  #asStored({ digest, manifest }: ReadManifest): ServedManifest {
    return { digest, mediaType: manifest.mediaType, bytes: this.#options.reader.bytes(digest) };
  }

  #make(manifest: ImageManifest | ImageIndex): ServedManifest {
    const bytes = encodeManifest(manifest);
    const served = { digest: digestOf(bytes), mediaType: manifest.mediaType, bytes };
    for (const { digest } of referredTo(manifest)) this.#options.holder.add(digest);
    if (this.#made.size >= mostMade) this.#made.clear();
    this.#made.set(served.digest, served);
    return served;
  }
}

const mostMade = 1024;

function layersOf({ blobs }: Store, manifest: ImageManifest): readonly ImageLayer[] {
  const { config } = manifest;
  if (!isImageConfigType(config.mediaType)) throw new Fault('unsupported', `${config.digest} is not that of an image`);
  return imageLayers(manifest, parseImageConfig(blobs.read(config.digest, { maxBytes: maxConfigBytes })));
}
