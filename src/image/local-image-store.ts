import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import type { LayerStore } from '../layer/index.ts';
import {
  choosePlatform,
  encodeImageConfig,
  encodeManifest,
  formatPlatform,
  formatReference,
  isImageIndexType,
  mediaTypes,
  normalisePlatform,
  toDigest,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type Platform,
  type Reference,
} from '../oci/index.ts';
import type { Document, Documents, ImageBody } from '../state/index.ts';
import { annotated } from './annotations.ts';
import { platformOf } from './config-platform.ts';
import { ImageCatalogue, keyOf } from './image-catalogue.ts';
import { DocumentReader } from './image-documents.ts';
import { isImageMember } from './index-members.ts';
import { keyStartingWith, nameOf } from './image-key.ts';
import type { AddOptions, ImageStore, IndexMember, NamingOptions, StoredImage, StoredIndex } from './image-store.ts';

export interface LocalImageStoreOptions {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly documents: Documents<ImageBody>;
  /** This machine's. */
  readonly platform: Platform;
  /** One transaction over several changes of documents, durable at its end. */
  readonly durably: <T>(body: () => T) => T;
}

/**
 * Images over the stores of blobs and layers. A name is a document whose id is the full reference; what is dangling is a
 * document whose id is the image ID, or the digest of the index.
 */
export class LocalImageStore implements ImageStore {
  readonly #options: LocalImageStoreOptions;
  readonly #reader: DocumentReader;

  constructor(options: LocalImageStoreOptions) {
    this.#options = options;
    this.#reader = new DocumentReader(options.blobs);
  }

  find(name: string, { platform }: { readonly platform?: Platform | undefined } = {}): StoredImage | undefined {
    const body = this.#meaning(name);
    if (body === undefined) return undefined;
    const catalogue = this.#catalogue();
    if ('index' in body) {
      const members = catalogue.index(body.index as Digest)?.members ?? [];
      return choosePlatform(members, platform ?? this.#options.platform)?.image;
    }
    const image = catalogue.image(body.config as Digest, body.manifest as Digest);
    if (image === undefined || platform === undefined) return image;
    return choosePlatform([{ platform: platformOf(image.config) }], platform) && image;
  }

  findIndex(name: string): StoredIndex | undefined {
    const body = this.#meaning(name);
    return body !== undefined && 'index' in body ? this.#catalogue().index(body.index as Digest) : undefined;
  }

  get(imageId: Digest): StoredImage | undefined {
    return this.#catalogue().image(imageId);
  }

  list(): readonly StoredImage[] {
    const catalogue = this.#catalogue();
    return catalogue.imageIds.map((imageId) => catalogue.image(imageId) as StoredImage);
  }

  indexes(): readonly StoredIndex[] {
    const catalogue = this.#catalogue();
    return catalogue.indexDigests.map((digest) => catalogue.index(digest) as StoredIndex);
  }

  add(config: ImageConfig, options: AddOptions): StoredImage {
    return this.adopt(this.write(config, options), options);
  }

  write(config: ImageConfig, { holder, annotations }: Omit<AddOptions, 'names'>): Digest {
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
      ...annotated(annotations),
    };
    return blobs.put(encodeManifest(manifest), { holder });
  }

  adopt(manifestDigest: Digest, { names, holder }: NamingOptions): StoredImage {
    const imageId = this.#whole(manifestDigest, holder);
    const known = this.#catalogue().image(imageId, manifestDigest);
    const isKnown = known?.manifests.some(({ digest }) => digest === manifestDigest) === true;
    if (isKnown && names.every((name) => this.#means(name, manifestDigest))) return known;
    this.#makeDurable([manifestDigest]);
    this.#name({ manifest: manifestDigest, config: imageId }, names);
    return this.#catalogue().image(imageId, manifestDigest) as StoredImage;
  }

  addIndex(members: readonly IndexMember[], { names, holder, annotations }: AddOptions): StoredIndex {
    const { blobs } = this.#options;
    const manifests = this.#descriptorsOf(members, holder);
    const index: ImageIndex = {
      kind: 'index',
      mediaType: mediaTypes.ociIndex,
      manifests,
      ...annotated(annotations),
    };
    const digest = blobs.put(encodeManifest(index), { holder });
    this.#makeDurable(manifests.map((each) => each.digest));
    blobs.makeDurable([digest]);
    this.#name({ index: digest }, names);
    return this.#catalogue().index(digest) as StoredIndex;
  }

  adoptIndex(digest: Digest, { names, holder }: NamingOptions): StoredIndex {
    const { blobs } = this.#options;
    holder.add(digest);
    const { manifests } = this.#reader.index(digest);
    const members = manifests.filter(isImageMember).map((member) => member.digest);
    if (members.length === 0) throw new Fault('invalid', `store index ${digest}: it has no images`);
    for (const member of members) this.#whole(member, holder);
    const others = manifests.filter((each) => !isImageMember(each));
    const nested = others.find((each) => isImageIndexType(each.mediaType));
    if (nested !== undefined)
      throw new Fault('unsupported', `store index ${digest}: it names the index ${nested.digest}`);
    const attached = others.flatMap((each) => this.#reader.attached(each.digest));
    const missing = attached.find((each) => !blobs.hold(each, holder));
    if (missing !== undefined) throw new Fault('not-found', `store index ${digest}: blob ${missing} is missing`);
    this.#makeDurable(members);
    blobs.makeDurable([digest, ...attached]);
    this.#name({ index: digest }, names);
    return this.#catalogue().index(digest) as StoredIndex;
  }

  tag(target: Digest, name: Reference): void {
    const catalogue = this.#catalogue();
    const index = catalogue.documentsOfIndex(target)[0]?.body;
    const image = catalogue.image(target);
    if (index !== undefined) return this.#name(index, [name]);
    if (image === undefined) throw new Fault('not-found', `no such image: ${target}`);
    this.#name({ manifest: image.manifestDigest, config: target }, [name]);
  }

  untag(name: Reference): boolean {
    return this.#options.documents.remove(formatReference(name));
  }

  remove(imageId: Digest): readonly string[] {
    return this.#drop(() => this.#catalogue().documentsOf(imageId));
  }

  removeIndex(digest: Digest): readonly string[] {
    return this.#drop(() => this.#catalogue().documentsOfIndex(digest));
  }

  #drop(find: () => readonly Document<ImageBody>[]): readonly string[] {
    return this.#options.durably(() => {
      const documents = find();
      for (const { id } of documents) this.#options.documents.remove(id);
      return documents.filter(({ id, body }) => id !== keyOf(body)).map(({ id }) => id);
    });
  }

  #catalogue(): ImageCatalogue {
    return new ImageCatalogue(this.#options.documents.list(), this.#reader);
  }

  /** What the name or ID stands for. */
  #meaning(name: string): ImageBody | undefined {
    const byName = this.#options.documents.get(nameOf(name));
    if (byName !== undefined) return byName.body;
    const catalogue = this.#catalogue();
    const key = keyStartingWith(name, [...catalogue.imageIds, ...catalogue.indexDigests]);
    if (key === undefined) return undefined;
    const image = catalogue.image(key);
    return image === undefined ? { index: key } : { manifest: image.manifestDigest, config: key };
  }

  #means(name: Reference, manifest: Digest): boolean {
    const body = this.#options.documents.get(formatReference(name))?.body;
    return body !== undefined && 'manifest' in body && body.manifest === manifest;
  }

  /** The ID of the image, all of which is here, and held from now on. */
  #whole(manifestDigest: Digest, holder: NamingOptions['holder']): Digest {
    holder.add(manifestDigest);
    const { manifest, chain } = this.#reader.image(manifestDigest);
    const imageId = manifest.config.digest;
    holder.add(imageId);
    const missing = chain.find((diffId) => !this.#options.layers.hold(diffId, holder));
    if (missing !== undefined) throw new Fault('not-found', `store image ${imageId}: layer ${missing} is missing`);
    return imageId;
  }

  #makeDurable(manifestDigests: readonly Digest[]): void {
    const { blobs, layers } = this.#options;
    const images = manifestDigests.map((digest) => ({ digest, ...this.#reader.image(digest) }));
    blobs.makeDurable(images.flatMap(({ digest, manifest }) => [digest, manifest.config.digest]));
    layers.makeDurable([...new Set(images.flatMap(({ chain }) => chain))]);
  }

  #descriptorsOf(members: readonly IndexMember[], holder: NamingOptions['holder']): readonly Descriptor[] {
    const { blobs } = this.#options;
    const names = members.map(({ platform }) => formatPlatform(normalisePlatform(platform)));
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (members.length === 0) throw new Fault('invalid', 'store index: it has no members');
    if (twice !== undefined) throw new Fault('invalid', `store index: two members are for ${twice}`);
    const catalogue = this.#catalogue();
    return members.map(({ digest: asked, platform, annotations }) => {
      const digest = catalogue.image(asked)?.manifestDigest ?? asked;
      this.#whole(digest, holder);
      const { mediaType } = this.#reader.image(digest).manifest;
      const size = blobs.stat(digest)?.sizeBytes ?? 0;
      const descriptor = { mediaType, digest, size, platform: normalisePlatform(platform) };
      return { ...descriptor, ...annotated(annotations) };
    });
  }

  /** Gives names to an image or an index, and keeps whatever loses its last one by that. */
  #name(body: ImageBody, names: readonly Reference[]): void {
    const { documents, durably } = this.#options;
    durably(() => {
      const ids = names.map(formatReference);
      const before = ids.map((id) => documents.get(id)?.body).filter((each) => each !== undefined);
      for (const id of ids) documents.put({ id, body });
      if (ids.length === 0 && !this.#isKept(body)) documents.put({ id: keyOf(body), body });
      if (ids.length > 0) documents.remove(keyOf(body));
      if ('index' in body) this.#releaseMembers(body.index as Digest);
      for (const each of before) if (!this.#isKept(each)) documents.put({ id: keyOf(each), body: each });
    });
  }

  /** True if something keeps it: a name, its being dangling, an index. */
  #isKept(body: ImageBody): boolean {
    const catalogue = this.#catalogue();
    if ('index' in body) return catalogue.documentsOfIndex(body.index as Digest).length > 0;
    return catalogue.documentsOf(body.config as Digest).length > 0;
  }

  #releaseMembers(index: Digest): void {
    for (const { digest } of this.#reader.index(index).manifests.filter(isImageMember)) {
      this.#options.documents.remove(this.#reader.image(digest).manifest.config.digest);
    }
  }
}
