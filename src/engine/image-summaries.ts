import type { ImageStore, StoredImage, StoredIndex } from '../image/index.ts';
import type { LayerStore } from '../layer/index.ts';
import { choosePlatform, familiarName, parseReference, type Platform } from '../oci/index.ts';
import type { ImageSummary } from './images.ts';

export interface SummaryOptions {
  readonly layers: LayerStore;
  /** True if the row of `name`, or of what is dangling where it is undefined, is that of this image. */
  readonly isShown: (image: StoredImage, name: string | undefined) => boolean;
  readonly digestOf: DigestOfName;
}

/** The digest of what one of an image's names means: its own, its index's, or that of the manifest that it was given to. */
export type DigestOfName = (image: StoredImage, name: string) => string;

export function digestsOfNames(images: Pick<ImageStore, 'indexes' | 'find'>): DigestOfName {
  const ofIndexes = new Map(images.indexes().flatMap(({ digest, names }) => names.map((name) => [name, digest])));
  return (image, name) => {
    const ofOwn = image.manifests.length > 1 ? images.find(name)?.manifestDigest : undefined;
    return parseReference(name).digest ?? ofIndexes.get(name) ?? ofOwn ?? image.manifestDigest;
  };
}

/** The rows of an image: one for each name, or one without a name. */
export function summaries(image: StoredImage, { layers, isShown, digestOf }: SummaryOptions): readonly ImageSummary[] {
  const sizeBytes = image.chain.reduce((sum, diffId) => sum + (layers.stat(diffId)?.sizeBytes ?? 0), 0);
  const created = image.config.created ?? new Date(image.storedMs).toISOString();
  const common = { imageId: image.imageId, created, sizeBytes };
  if (image.names.length === 0) {
    return isShown(image, undefined)
      ? [{ repository: '<none>', tag: '<none>', digest: image.manifestDigest, ...common }]
      : [];
  }
  const names = image.names.filter((name) => isShown(image, name));
  return names.map((name) => {
    const reference = parseReference(name);
    const digest = digestOf(image, name);
    return { repository: familiarName(reference), tag: reference.tag ?? '<none>', digest, ...common };
  });
}

/** An index has one row, that of its image for this machine, or of its first. */
export function shownMembers(indexes: readonly StoredIndex[], platform: Platform): SummaryOptions['isShown'] {
  const shownAs = (index: StoredIndex): string | undefined =>
    (choosePlatform(index.members, platform) ?? index.members[0])?.image.imageId;
  const ofName = new Map(indexes.flatMap((index) => index.names.map((name) => [name, shownAs(index)])));
  const nameless = new Map(indexes.map((index) => [index.digest, shownAs(index)]));
  return ({ imageId, indexes: ofImage }, name) => {
    const shown = name === undefined ? ofImage.map((digest) => nameless.get(digest)) : [ofName.get(name)];
    return shown.length === 0 || shown.some((each) => each === undefined || each === imageId);
  };
}

/** When it was made, or else when it got here. */
export function createdMs(image: StoredImage): number {
  return image.config.created === undefined ? image.storedMs : Date.parse(image.config.created);
}
