import { isImageMember } from '../image/index.ts';
import { formatPlatform, maxManifestBytes, parseDigest, parseImageManifest, parseManifest } from '../oci/index.ts';
import type { Descriptor, Digest, DiffId, ImageManifest } from '../oci/index.ts';
import type { Document, ImageBody, ImageIndexBody } from '../state/index.ts';
import type { Checking } from './check-findings.ts';
import { consequence, labelOf, lossOf, orUndefined, readParts, type ReadParts } from './check-images.ts';

/** An image index as its documents say, as far as it can be read. */
export interface ReadImageIndex {
  readonly documents: readonly Document<ImageIndexBody>[];
  /** Names as people write them, or the digest. */
  readonly label: string;
  readonly digest: Digest;
  /** Undefined where the index cannot be read. */
  readonly members: readonly ReadMember[] | undefined;
  /** What it names beside images and is not all here. */
  readonly lostAttachment: Descriptor | undefined;
}

export interface ReadMember {
  readonly descriptor: Descriptor;
  /** Undefined where the manifest cannot be read: then nothing else of it is known. */
  readonly parts: ReadParts | undefined;
}

/** Reads each image index once, however many names it has. What is damaged counts as not there. */
export function readImageIndexes({ store }: Checking, damaged: ReadonlySet<Digest>): readonly ReadImageIndex[] {
  const groups = new Map<string, Document<ImageIndexBody>[]>();
  for (const document of store.state.images.list().filter(isIndex)) {
    groups.set(document.body.index, [...(groups.get(document.body.index) ?? []), document]);
  }
  return [...groups].map(([index, documents]) => {
    const digest = parseDigest(index);
    const descriptors = descriptorsOf(digest, { store, damaged });
    return {
      documents,
      label: labelOf(documents, digest),
      digest,
      members: descriptors?.filter(isImageMember).map((each) => readMember(each, { store, damaged })),
      lostAttachment: descriptors?.find((each) => !isImageMember(each) && !isHere(each, { store, damaged })),
    };
  });
}

/**
 * Checks that all of each index is here: the document and every member, manifest, config and layers. A repair drops the names
 * of one that misses anything: its document cannot be written anew without being another one.
 */
export function checkImageIndexes(
  { store, repair, findings }: Checking,
  indexes: readonly ReadImageIndex[],
  unusable: ReadonlySet<DiffId>,
): void {
  const hasLayer = (diffId: DiffId): boolean => store.layers.stat(diffId) !== undefined && !unusable.has(diffId);
  for (const index of indexes) {
    const loss = lossOfIndex(index, hasLayer);
    if (loss === undefined) {
      if (repair) store.layers.makeDurable((index.members ?? []).flatMap(({ parts }) => parts?.chain ?? []));
      continue;
    }
    if (repair) for (const { id } of index.documents) store.state.images.remove(id);
    findings.error(`image ${index.label}: ${loss}; ${consequence({ kind: 'broken' }, repair)}`, repair);
  }
}

function isIndex(document: Document<ImageBody>): document is Document<ImageIndexBody> {
  return 'index' in document.body;
}

type Reading = Pick<Checking, 'store'> & { readonly damaged: ReadonlySet<Digest> };

function descriptorsOf(digest: Digest, { store: { blobs }, damaged }: Reading): readonly Descriptor[] | undefined {
  if (damaged.has(digest)) return undefined;
  const index = orUndefined(() => parseManifest(blobs.read(digest, { maxBytes: maxManifestBytes })));
  return index?.kind === 'index' ? index.manifests : undefined;
}

function readMember(descriptor: Descriptor, { store, damaged }: Reading): ReadMember {
  const manifest = readManifest(descriptor, { store, damaged });
  if (manifest === undefined) return { descriptor, parts: undefined };
  const digests = { configDigest: manifest.config.digest, manifestDigest: descriptor.digest };
  return { descriptor, parts: readParts(store.blobs, digests, damaged) };
}

function readManifest({ digest }: Descriptor, { store: { blobs }, damaged }: Reading): ImageManifest | undefined {
  if (damaged.has(digest)) return undefined;
  return orUndefined(() => parseImageManifest(blobs.read(digest, { maxBytes: maxManifestBytes })));
}

/** True if the document, its config and all that it lists are stored as blobs. */
function isHere(descriptor: Descriptor, { store, damaged }: Reading): boolean {
  const manifest = readManifest(descriptor, { store, damaged });
  if (manifest === undefined) return false;
  return [manifest.config, ...manifest.layers].every(
    ({ digest }) => store.blobs.stat(digest) !== undefined && !damaged.has(digest),
  );
}

function lossOfIndex(
  { digest, members, lostAttachment }: ReadImageIndex,
  hasLayer: (diffId: DiffId) => boolean,
): string | undefined {
  if (members === undefined) return `its index ${digest} is missing or damaged`;
  if (lostAttachment !== undefined) return `what ${lostAttachment.digest} of it names is missing or damaged`;
  for (const { descriptor, parts } of members) {
    const loss =
      parts === undefined ? `its manifest ${descriptor.digest} is missing or damaged` : lossOf(parts, hasLayer)?.text;
    const platform = descriptor.platform === undefined ? descriptor.digest : formatPlatform(descriptor.platform);
    if (loss !== undefined) return `its image for ${platform}: ${loss}`;
  }
  return undefined;
}
