import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import {
  encodeManifest,
  familiarReference,
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
  type DiffId,
  type ImageManifest,
} from '../oci/index.ts';
import type { Document, ImageBody, SingleImageBody } from '../state/index.ts';
import type { Checking } from './check-findings.ts';

/** An image as its documents say, as far as it can be read. */
export interface ReadImage {
  readonly documents: readonly Document<SingleImageBody>[];
  /** Names as people write them, or the ID. */
  readonly label: string;
  readonly configDigest: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest | undefined;
  /** Undefined where the config cannot be read. */
  readonly chain: readonly DiffId[] | undefined;
}

/** Reads each image once, however many names it has. What is damaged counts as not there. */
export function readImages({ store }: Checking, damaged: ReadonlySet<Digest>): readonly ReadImage[] {
  const groups = new Map<string, Document<SingleImageBody>[]>();
  for (const document of store.state.images.list().filter(isSingle)) {
    const key = `${document.body.config} ${document.body.manifest}`;
    groups.set(key, [...(groups.get(key) ?? []), document]);
  }
  return [...groups.values()].map((documents) => readImage(store.blobs, documents, damaged));
}

function isSingle(document: Document<ImageBody>): document is Document<SingleImageBody> {
  return 'config' in document.body;
}

/**
 * Checks that all of each image is here: manifest, config and every layer. The compressed form of a layer need not be:
 * where the layer was here before the image was pulled, it was never fetched. A repair writes a manifest over the tars
 * for an image whose config and layers are whole, and drops the names of one that misses more than that.
 */
export function checkImages(checking: Checking, images: readonly ReadImage[], unusable: ReadonlySet<DiffId>): void {
  const { store, repair, findings } = checking;
  const hasLayer = (diffId: DiffId): boolean => store.layers.stat(diffId) !== undefined && !unusable.has(diffId);
  for (const image of images) {
    const loss = lossOf(image, hasLayer);
    if (loss === undefined) {
      if (repair) store.layers.makeDurable(image.chain ?? []);
      continue;
    }
    if (repair && loss.kind === 'incomplete') rewriteManifest(checking, image);
    if (repair && loss.kind === 'broken') for (const { id } of image.documents) store.state.images.remove(id);
    findings.error(`image ${image.label}: ${loss.text}; ${consequence(loss, repair)}`, repair);
  }
}

export interface Loss {
  /** `incomplete`: the tree and the config of the image are whole. */
  readonly kind: 'incomplete' | 'broken';
  readonly text: string;
}

export function lossOf(image: ReadParts, hasLayer: (diffId: DiffId) => boolean): Loss | undefined {
  const { chain, manifest, configDigest, manifestDigest } = image;
  if (chain === undefined) return { kind: 'broken', text: `its config ${configDigest} is missing or damaged` };
  const layer = chain.find((diffId) => !hasLayer(diffId));
  if (layer !== undefined) return { kind: 'broken', text: `its layer ${layer} is missing or damaged` };
  if (manifest === undefined)
    return { kind: 'incomplete', text: `its manifest ${manifestDigest} is missing or damaged` };
  return undefined;
}

export function consequence({ kind }: Pick<Loss, 'kind'>, repair: boolean): string {
  if (kind === 'broken') {
    return repair ? 'its names are dropped: pull or build it again' : 'it cannot be used: pull or build it again';
  }
  return repair ? 'it has a new manifest over its uncompressed layers' : 'it can be used, but not saved';
}

/** As `ImageStore.add` would write it, over the config as it is. */
function rewriteManifest({ store, lease }: Checking, { configDigest, chain = [], documents }: ReadImage): void {
  const { blobs, layers, state } = store;
  const layer = (diffId: DiffId) => ({
    mediaType: mediaTypes.ociLayer,
    digest: toDigest(diffId),
    size: layers.tar(diffId).sizeBytes,
  });
  const manifest: ImageManifest = {
    kind: 'image',
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: configDigest, size: blobs.stat(configDigest)?.sizeBytes ?? 0 },
    layers: chain.map(layer),
  };
  const manifestDigest = blobs.put(encodeManifest(manifest), { holder: lease });
  blobs.makeDurable([manifestDigest, configDigest]);
  layers.makeDurable(chain);
  state.durably(() => {
    for (const { id, name, body } of documents)
      state.images.put({ id, name, body: { ...body, manifest: manifestDigest } });
  });
}

function readImage(
  blobs: BlobStore,
  documents: readonly Document<SingleImageBody>[],
  damaged: ReadonlySet<Digest>,
): ReadImage {
  const [{ body }] = documents as readonly [Document<SingleImageBody>];
  const [configDigest, manifestDigest] = [parseDigest(body.config), parseDigest(body.manifest)];
  const label = labelOf(documents, configDigest);
  return { documents, label, ...readParts(blobs, { configDigest, manifestDigest }, damaged) };
}

export type ReadParts = Omit<ReadImage, 'documents' | 'label'>;

/** What can be read of the image with these documents. */
export function readParts(
  blobs: BlobStore,
  { configDigest, manifestDigest }: Pick<ReadImage, 'configDigest' | 'manifestDigest'>,
  damaged: ReadonlySet<Digest>,
): ReadParts {
  const read = <T>(digest: Digest, maxBytes: number, parse: (bytes: Uint8Array) => T): T | undefined =>
    damaged.has(digest) ? undefined : orUndefined(() => parse(blobs.read(digest, { maxBytes })));
  const config = read(configDigest, maxConfigBytes, parseImageConfig);
  const found = read(manifestDigest, maxManifestBytes, parseImageManifest);
  const agrees = found !== undefined && config !== undefined && found.config.digest === configDigest;
  const pairs = agrees ? orUndefined(() => imageLayers(found, config)) : undefined;
  return {
    configDigest,
    manifestDigest,
    manifest: pairs === undefined ? undefined : found,
    chain: config?.rootfs.diff_ids,
  };
}

/** What cannot be read, whatever is wrong with it, is reported by what needs it. */
export function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (Fault.is(error)) return undefined;
    throw error;
  }
}

/** Names as people write them; the digest that the document of what is dangling stands under. */
export function labelOf(documents: readonly Document<ImageBody>[], key: Digest): string {
  const names = documents.map(({ id }) => id).filter((id) => id !== key);
  return names.length === 0 ? key : names.map((id) => familiarReference(parseReference(id))).join(', ');
}
