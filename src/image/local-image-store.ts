import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import type { LayerStore } from '../layer/index.ts';
import {
  encodeImageConfig,
  encodeManifest,
  formatReference,
  imageLayers,
  maxConfigBytes,
  maxManifestBytes,
  mediaTypes,
  parseDigest,
  parseImageConfig,
  parseImageManifest,
  parseReference,
  toDigest,
  type Digest,
  type ImageConfig,
  type ImageManifest,
  type Reference,
} from '../oci/index.ts';
import type { Document, Documents, ImageBody } from '../state/index.ts';
import type { AddOptions, ImageStore, StoredImage } from './image-store.ts';

export interface LocalImageStoreOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly documents: Documents<ImageBody>;
  /** One transaction over several changes of documents, durable at its end. */
  readonly durably: <T>(body: () => T) => T;
}

/**
 * Images over the stores of blobs and layers. A name is a document whose id is the full reference; a dangling image is a
 * document whose id is the image ID.
 */
export class LocalImageStore implements ImageStore {
  readonly #options: LocalImageStoreOptions;
  readonly #read = new Map<string, Pick<StoredImage, 'manifest' | 'config' | 'chain'>>();

  constructor(options: LocalImageStoreOptions) {
    this.#options = options;
  }

  find(name: string): StoredImage | undefined {
    const byName = this.#options.documents.get(nameOf(name));
    if (byName !== undefined) return this.get(parseDigest(byName.body.config));
    const imageId = this.#idStartingWith(name);
    return imageId === undefined ? undefined : this.get(imageId);
  }

  get(imageId: Digest): StoredImage | undefined {
    const documents = this.#documentsOf(imageId);
    const [first] = documents;
    return first === undefined ? undefined : this.#image(first, documents);
  }

  list(): readonly StoredImage[] {
    const byId = new Map<string, Document<ImageBody>[]>();
    for (const document of this.#options.documents.list()) {
      byId.set(document.body.config, [...(byId.get(document.body.config) ?? []), document]);
    }
    return [...byId.values()].map((documents) => this.#image(documents[0] as Document<ImageBody>, documents));
  }

  add(config: ImageConfig, { names, holder }: AddOptions): StoredImage {
    const { blobs, layers } = this.#options;
    const configBytes = encodeImageConfig(config);
    const configDigest = blobs.put(configBytes, { holder });
    const manifest: ImageManifest = {
      kind: 'image',
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: configDigest, size: configBytes.length },
      layers: config.rootfs.diff_ids.map((diffId) => ({
        mediaType: mediaTypes.ociLayer,
        digest: toDigest(diffId),
        size: layers.tar(diffId).sizeBytes,
      })),
    };
    const manifestDigest = blobs.put(encodeManifest(manifest), { holder });
    return this.adopt(manifestDigest, { names, holder });
  }

  adopt(manifestDigest: Digest, { names, holder }: AddOptions): StoredImage {
    const { blobs, layers } = this.#options;
    const { manifest, chain } = this.#load(manifestDigest);
    for (const digest of [manifestDigest, manifest.config.digest]) holder.add(digest);
    const missing = chain.filter((diffId) => !layers.hold(diffId, holder));
    if (missing.length > 0)
      throw new Fault('not-found', `store image ${manifest.config.digest}: layer ${missing[0]} is missing`);
    const known = this.get(manifest.config.digest);
    if (known?.manifestDigest === manifestDigest && names.every((name) => known.names.includes(formatReference(name))))
      return known;
    blobs.makeDurable([manifestDigest, manifest.config.digest]);
    layers.makeDurable(chain);
    this.#name({ manifest: manifestDigest, config: manifest.config.digest }, names);
    return this.get(manifest.config.digest) as StoredImage;
  }

  tag(imageId: Digest, name: Reference): void {
    const [document] = this.#documentsOf(imageId);
    if (document === undefined) throw new Fault('not-found', `no such image: ${imageId}`);
    this.#name(document.body, [name]);
  }

  untag(name: Reference): boolean {
    return this.#options.documents.remove(formatReference(name));
  }

  remove(imageId: Digest): readonly string[] {
    return this.#options.durably(() => {
      const ids = this.#documentsOf(imageId).map((document) => document.id);
      for (const id of ids) this.#options.documents.remove(id);
      return ids.filter((id) => id !== imageId);
    });
  }

  /** Gives the image its names, and keeps whatever loses its last one by that. */
  #name(body: ImageBody, names: readonly Reference[]): void {
    const { documents, durably } = this.#options;
    const imageId = body.config;
    durably(() => {
      for (const id of names.map(formatReference)) {
        const before = documents.get(id)?.body;
        documents.put({ id, body });
        if (before !== undefined && before.config !== imageId) this.#keepDangling(before);
      }
      if (this.#documentsOf(imageId as Digest).length === 0) documents.put({ id: imageId, body });
      else if (names.length > 0) documents.remove(imageId);
    });
  }

  #keepDangling(body: ImageBody): void {
    if (this.#documentsOf(body.config as Digest).length > 0) return;
    this.#options.documents.put({ id: body.config, body });
  }

  #documentsOf(imageId: Digest): readonly Document<ImageBody>[] {
    return this.#options.documents.list().filter((document) => document.body.config === imageId);
  }

  #idStartingWith(name: string): Digest | undefined {
    const hex = name.replace(/^sha256:/, '');
    if (!/^[0-9a-f]{1,64}$/.test(hex)) return undefined;
    const configs = this.#options.documents.list().map((document) => document.body.config);
    const matching = new Set(configs.filter((config) => config.startsWith(`sha256:${hex}`)));
    if (matching.size > 1) {
      throw new Fault('invalid', `find image ${name}: several image IDs begin with it`, {
        hint: 'give more of the ID',
      });
    }
    const [found] = matching;
    return found === undefined ? undefined : parseDigest(found);
  }

  #image(document: Document<ImageBody>, documents: readonly Document<ImageBody>[]): StoredImage {
    const imageId = parseDigest(document.body.config);
    const manifestDigest = parseDigest(document.body.manifest);
    const names = documents.map((each) => each.id).filter((id) => id !== imageId);
    const storedMs = Math.min(...documents.map((each) => each.createdMs));
    return { imageId, manifestDigest, ...this.#load(manifestDigest), names: names.toSorted(), storedMs };
  }

  #load(manifestDigest: Digest): Pick<StoredImage, 'manifest' | 'config' | 'chain'> {
    const known = this.#read.get(manifestDigest);
    if (known !== undefined) return known;
    const { blobs } = this.#options;
    const manifest = parseImageManifest(blobs.read(manifestDigest, { maxBytes: maxManifestBytes }));
    const config = parseImageConfig(blobs.read(manifest.config.digest, { maxBytes: maxConfigBytes }));
    const chain = imageLayers(manifest, config).map((layer) => layer.diffId);
    const loaded = { manifest, config, chain };
    this.#read.set(manifestDigest, loaded);
    return loaded;
  }
}

/** The full reference; what cannot be one may still be the beginning of an ID. */
function nameOf(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    if (/^sha256:[0-9a-f]+$/.test(name) || /^[0-9a-f]{64}$/.test(name)) return name;
    throw error;
  }
}
