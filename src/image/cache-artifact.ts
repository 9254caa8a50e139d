import { Fault } from '../errors/index.ts';
import {
  imageLayers,
  maxConfigBytes,
  parseDiffId,
  parseImageConfig,
  type Descriptor,
  type DiffId,
  type ImageManifest,
  type Platform,
} from '../oci/index.ts';
import { readBlob, resolveImage, type Remote } from '../registry/index.ts';

/**
 * A build cache as an OCI artifact (image-spec manifest.md, "Guidelines for Artifact Usage"): a manifest with this type, an
 * empty config, and as layers first one document, the records, then layers of images with the diff ID of each in an
 * annotation, so that nobody has to inflate one to know which it is.
 *
 * An image may carry records of its own steps instead: in an annotation of its manifest.
 */
export const cacheArtifact = {
  type: 'application/vnd.varve.cache.v1',
  records: 'application/vnd.varve.cache.records.v1+jsonl',
  /** containerd writes the same. */
  diffId: 'containerd.io/uncompressed',
  inline: 'varve.cache.v1',
} as const;

export interface CacheArtifact {
  readonly records: Uint8Array;
  /** How each layer travels. */
  readonly layers: ReadonlyMap<DiffId, Descriptor>;
}

export interface ReadCacheOptions {
  /** Of an index: whose image. */
  readonly platform: Platform;
  /** More is `exhausted`, and nothing of it is read. */
  readonly maxRecordsBytes: number;
  readonly signal: AbortSignal;
}

/** Fault `unsupported` for what is neither a cache nor an image that carries one. */
export async function readCacheArtifact(
  remote: Remote,
  tagOrDigest: string,
  options: ReadCacheOptions,
): Promise<CacheArtifact> {
  const { manifest, descriptor } = await resolveImage(remote, tagOrDigest, options);
  const read = manifest.artifactType === cacheArtifact.type ? readArtifact : readInline;
  try {
    return await read(remote, manifest, options);
  } catch (error) {
    throw Fault.wrap(`${remote.name}: cache ${descriptor.digest}`, error);
  }
}

/** The layers of a cache, as its manifest has them. */
export function cacheLayers({ layers }: ImageManifest): ReadonlyMap<DiffId, Descriptor> {
  const named = layers.flatMap((layer) => {
    const diffId = layer.annotations?.[cacheArtifact.diffId];
    return diffId === undefined ? [] : [[parseDiffId(diffId), layer] as const];
  });
  return new Map(named);
}

async function readArtifact(
  remote: Remote,
  manifest: ImageManifest,
  { maxRecordsBytes, signal }: ReadCacheOptions,
): Promise<CacheArtifact> {
  const descriptor = manifest.layers.find(({ mediaType }) => mediaType === cacheArtifact.records);
  if (descriptor === undefined) throw new Fault('invalid', 'it has no records');
  const records = await readBlob(remote, descriptor, { limitBytes: maxRecordsBytes, signal });
  return { records, layers: cacheLayers(manifest) };
}

async function readInline(
  remote: Remote,
  manifest: ImageManifest,
  { signal }: ReadCacheOptions,
): Promise<CacheArtifact> {
  const text = manifest.annotations?.[cacheArtifact.inline];
  if (text === undefined) {
    throw new Fault('unsupported', 'it is no cache, and no image that carries one', {
      hint: 'an image carries the cache of its steps when it is built with --cache-to type=inline',
    });
  }
  const config = await readBlob(remote, manifest.config, { limitBytes: maxConfigBytes, signal });
  const layers = imageLayers(manifest, parseImageConfig(config));
  return {
    records: Buffer.from(text, 'base64'),
    layers: new Map(layers.map(({ diffId, descriptor }) => [diffId, descriptor])),
  };
}
