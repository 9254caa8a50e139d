import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import {
  imageLayers,
  maxConfigBytes,
  maxManifestBytes,
  parseImageConfig,
  parseImageManifest,
  parseManifest,
  type Digest,
  type DiffId,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
} from '../oci/index.ts';

export interface ImageDocuments {
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  readonly chain: readonly DiffId[];
}

/** Reads the documents of images and indexes, each once. They never change. */
export class DocumentReader {
  readonly #attached = new Map<string, readonly Digest[]>();
  readonly #blobs: Pick<BlobStore, 'read'>;
  readonly #images = new Map<string, ImageDocuments>();
  readonly #indexes = new Map<string, ImageIndex>();

  constructor(blobs: Pick<BlobStore, 'read'>) {
    this.#blobs = blobs;
  }

  image(manifestDigest: Digest): ImageDocuments {
    const known = this.#images.get(manifestDigest);
    if (known !== undefined) return known;
    const manifest = parseImageManifest(this.#blobs.read(manifestDigest, { maxBytes: maxManifestBytes }));
    const config = parseImageConfig(this.#blobs.read(manifest.config.digest, { maxBytes: maxConfigBytes }));
    const chain = imageLayers(manifest, config).map((layer) => layer.diffId);
    const documents = { manifest, config, chain };
    this.#images.set(manifestDigest, documents);
    return documents;
  }

  /** The blobs of a document that is not the manifest of an image that could run, itself the first. */
  attached(digest: Digest): readonly Digest[] {
    const known = this.#attached.get(digest);
    if (known !== undefined) return known;
    const { config, layers } = parseImageManifest(this.#blobs.read(digest, { maxBytes: maxManifestBytes }));
    const blobs = [digest, config.digest, ...layers.map((layer) => layer.digest)];
    this.#attached.set(digest, blobs);
    return blobs;
  }

  index(digest: Digest): ImageIndex {
    const known = this.#indexes.get(digest);
    if (known !== undefined) return known;
    const index = parseManifest(this.#blobs.read(digest, { maxBytes: maxManifestBytes }));
    if (index.kind !== 'index') throw new Fault('invalid', `read index ${digest}: it is the manifest of one image`);
    this.#indexes.set(digest, index);
    return index;
  }
}
