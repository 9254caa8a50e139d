import { parseDigest, type Digest } from '../oci/index.ts';
import type { Document, ImageBody } from '../state/index.ts';
import { platformOf } from './config-platform.ts';
import type { DocumentReader } from './image-documents.ts';
import { isImageMember } from './index-members.ts';
import type { StoredImage, StoredIndex, StoredMember } from './image-store.ts';

interface ImageEntry {
  readonly manifests: Set<Digest>;
  readonly indexes: Set<Digest>;
  readonly documents: Document<ImageBody>[];
}

/** What the names of a store mean at one moment: every image, every index. */
export class ImageCatalogue {
  readonly #reader: DocumentReader;
  readonly #images = new Map<Digest, ImageEntry>();
  readonly #indexes = new Map<Digest, Document<ImageBody>[]>();

  constructor(documents: readonly Document<ImageBody>[], reader: DocumentReader) {
    this.#reader = reader;
    for (const document of documents) {
      if ('index' in document.body) this.#addIndex(parseDigest(document.body.index), document);
      else this.#addImage(document, parseDigest(document.body.manifest), parseDigest(document.body.config));
    }
  }

  /** Oldest first. */
  get imageIds(): readonly Digest[] {
    return [...this.#images.keys()];
  }

  get indexDigests(): readonly Digest[] {
    return [...this.#indexes.keys()];
  }

  /** The image with this ID, seen through `manifest` where that is given. */
  image(imageId: Digest, manifest?: Digest): StoredImage | undefined {
    const entry = this.#images.get(imageId);
    if (entry === undefined) return undefined;
    const manifests = [...entry.manifests].map((digest) => ({ digest, manifest: this.#reader.image(digest).manifest }));
    const manifestDigest = manifest ?? (manifests[0]?.digest as Digest);
    return {
      imageId,
      manifestDigest,
      ...this.#reader.image(manifestDigest),
      manifests,
      indexes: [...entry.indexes],
      ...namesOf(entry.documents),
    };
  }

  index(digest: Digest): StoredIndex | undefined {
    const documents = this.#indexes.get(digest);
    if (documents === undefined) return undefined;
    const index = this.#reader.index(digest);
    const members = index.manifests.filter(isImageMember).map((descriptor): StoredMember => {
      const { manifest, config } = this.#reader.image(descriptor.digest);
      const image = this.image(manifest.config.digest, descriptor.digest) as StoredImage;
      return { platform: descriptor.platform ?? platformOf(config), descriptor, image };
    });
    const others = index.manifests.filter((each) => !isImageMember(each));
    const attached = others.flatMap((each) => this.#reader.attached(each.digest));
    return { digest, index, members, attached, ...namesOf(documents) };
  }

  /** All that keeps the image: its own names, those of its indexes, and what stands for their being dangling. */
  documentsOf(imageId: Digest): readonly Document<ImageBody>[] {
    return this.#images.get(imageId)?.documents ?? [];
  }

  documentsOfIndex(digest: Digest): readonly Document<ImageBody>[] {
    return this.#indexes.get(digest) ?? [];
  }

  #addImage(document: Document<ImageBody>, manifest: Digest, imageId: Digest): ImageEntry {
    const entry = this.#images.get(imageId) ?? { manifests: new Set(), indexes: new Set(), documents: [] };
    this.#images.set(imageId, entry);
    entry.manifests.add(manifest);
    if (!entry.documents.includes(document)) entry.documents.push(document);
    return entry;
  }

  #addIndex(digest: Digest, document: Document<ImageBody>): void {
    const documents = this.#indexes.get(digest) ?? [];
    this.#indexes.set(digest, [...documents, document]);
    for (const member of this.#reader.index(digest).manifests.filter(isImageMember)) {
      const { manifest } = this.#reader.image(member.digest);
      this.#addImage(document, member.digest, manifest.config.digest).indexes.add(digest);
    }
  }
}

/** A document whose id is a digest stands for what is dangling, and is no name. */
function namesOf(documents: readonly Document<ImageBody>[]): Pick<StoredImage, 'names' | 'storedMs'> {
  const names = documents.filter(({ id, body }) => id !== keyOf(body)).map(({ id }) => id);
  return { names: names.toSorted(), storedMs: Math.min(...documents.map(({ createdMs }) => createdMs)) };
}

/** What a document stands under whose image or index is dangling: the image ID, or the digest of the index. */
export function keyOf(body: ImageBody): Digest {
  return ('index' in body ? body.index : body.config) as Digest;
}
