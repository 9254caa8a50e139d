import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import type { LayerHolder, LayerStore } from '../layer/index.ts';
import {
  formatReference,
  imageLayers,
  isForeignLayerType,
  isImageConfigType,
  maxConfigBytes,
  parseImageConfig,
  type Digest,
  type ImageConfig,
  type ImageLayer,
  type ImageManifest,
  type Platform,
  type Reference,
} from '../oci/index.ts';
import { readBlob, resolveImage, type Remote, type ResolvedImage } from '../registry/index.ts';
import type { Locks } from '../state/index.ts';
import { createLimit, together } from '../std/index.ts';
import { fetchLayer } from './fetch-layer.ts';
import type { ImageStore, StoredImage } from './image-store.ts';

export interface PullPorts {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  readonly locks: Locks;
}

export interface PullImageOptions {
  /** What is fetched, and the name that the image gets. */
  readonly name: Reference;
  /** The image gets the name with its digest alone, since the name itself means the image for another platform. */
  readonly byDigest?: boolean;
  /** The names that the image gets instead; with none of them, the holder alone keeps it. */
  readonly names?: readonly Reference[];
  readonly platform: Platform;
  readonly holder: LayerHolder;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PullEvent) => void;
}

export type PullEvent =
  | { readonly kind: 'resolved'; readonly digest: string }
  | { readonly kind: 'layer'; readonly digest: string; readonly state: 'exists' | 'waiting' | 'done' }
  | { readonly kind: 'bytes'; readonly digest: string; readonly doneBytes: number; readonly totalBytes: number };

export interface PulledImage {
  readonly image: StoredImage;
  /** What the name means at the remote: an index or a manifest. */
  readonly targetDigest: string;
  /** False where the image was here already, under this name. */
  readonly changed: boolean;
}

/**
 * Brings an image from a remote into the store (distribution-spec "Pull"): manifest and config are kept byte for byte,
 * layers that are here already are not fetched, the others side by side. What is fetched is hashed twice, as the
 * registry names it and as the config does; the image gets its name when all of it is there and right.
 */
export async function pullImage(remote: Remote, ports: PullPorts, options: PullImageOptions): Promise<PulledImage> {
  const { name, holder, signal, onEvent, platform } = options;
  const resolved = await resolveImage(remote, name.digest ?? name.tag ?? 'latest', { platform, signal });
  onEvent({ kind: 'resolved', digest: resolved.target.digest });
  const before = ports.images.find(formatReference(name));
  const kept = memberHere(resolved, { ports, options });
  if (kept !== undefined) return { image: kept, targetDigest: resolved.target.digest, changed: false };
  await fetchImage(remote, resolved, { ports, options });
  const { digest } = resolved.descriptor;
  const given = options.byDigest === true ? pinned(name, digest) : name;
  const image = ports.images.adopt(digest, { names: options.names ?? [given], holder });
  return { image, targetDigest: resolved.target.digest, changed: before?.manifestDigest !== image.manifestDigest };
}

/** The image, where the name means the very index here that it means at the remote: then it goes on meaning all of it. */
function memberHere(
  { target, descriptor }: ResolvedImage,
  {
    ports: { images },
    options: { name, names, byDigest, holder },
  }: { readonly ports: PullPorts; readonly options: PullImageOptions },
): StoredImage | undefined {
  if (names !== undefined || byDigest === true) return undefined;
  const index = images.findIndex(formatReference(name));
  const member = index?.members.find((each) => each.descriptor.digest === descriptor.digest);
  if (index?.digest !== target.digest || member === undefined) return undefined;
  return images.adopt(descriptor.digest, { names: [], holder });
}

/** Brings all of one image into the store, for the holder, without a name. */
export async function fetchImage(remote: Remote, resolved: FetchedManifest, pulling: Pulling): Promise<void> {
  await fetchLayers(remote, await fetchDocuments(remote, resolved, pulling), pulling);
}

/** The manifest of one image, as it was served. */
export type FetchedManifest = Pick<ResolvedImage, 'descriptor' | 'bytes' | 'manifest'>;

function pinned({ tag: _tag, ...rest }: Reference, digest: Digest): Reference {
  return { ...rest, digest };
}

export interface Pulling {
  readonly ports: PullPorts;
  readonly options: Pick<PullImageOptions, 'holder' | 'signal' | 'onEvent'>;
}

async function fetchDocuments(
  remote: Remote,
  { descriptor, bytes, manifest }: FetchedManifest,
  { ports: { blobs, locks }, options: { holder, signal } }: Pulling,
): Promise<readonly ImageLayer[]> {
  const { digest } = manifest.config;
  const flight = {
    find: () => (blobs.hold(digest, holder) ? blobs.read(digest, { maxBytes: maxConfigBytes }) : undefined),
    make: async () => {
      const config = await readBlob(remote, manifest.config, { limitBytes: maxConfigBytes, signal });
      imageLayers(manifest, imageConfig(remote, manifest, config));
      blobs.put(config, { holder, digest });
      return config;
    },
  };
  const config = await locks.singleFlight(`config ${digest}`, flight, { signal });
  blobs.put(bytes, { holder, digest: descriptor.digest });
  return imageLayers(manifest, imageConfig(remote, manifest, config));
}

/** Registries keep other things than images in the same form: charts, signatures, models. */
function imageConfig(remote: Remote, { config, artifactType }: ImageManifest, bytes: Uint8Array): ImageConfig {
  try {
    return parseImageConfig(bytes);
  } catch (error) {
    if (isImageConfigType(config.mediaType)) throw Fault.wrap(`${remote.name}: blob ${config.digest}`, error);
    const type = artifactType ?? config.mediaType;
    throw new Fault('unsupported', `${remote.name}: it is no image but something else: ${type}`, { cause: error });
  }
}

/** The layers side by side. The first that fails stops the others. */
async function fetchLayers(remote: Remote, layers: readonly ImageLayer[], pulling: Pulling): Promise<void> {
  const { ports, options } = pulling;
  const limit = createLimit(parallelLayers);
  const distinct = new Map(layers.map((layer) => [layer.diffId, layer]));
  for (const layer of distinct.values()) announce(remote, layer, pulling);
  const works = [...distinct.values()].map(
    (layer) => (signal: AbortSignal) =>
      limit(() => haveLayer(remote, layer, { ports, options: { ...options, signal } }), signal),
  );
  await together(works, options.signal);
}

/** As many as a host is asked for at once: with fewer, the last one is often alone on a connection that is slow by then. */
const parallelLayers = 6;

function announce(remote: Remote, { descriptor, diffId }: ImageLayer, { ports, options }: Pulling): void {
  if (ports.layers.hold(diffId, options.holder)) return;
  if (isForeignLayerType(descriptor.mediaType)) throw foreignLayer(remote, descriptor.digest);
  if (descriptor.mediaType.endsWith('+encrypted')) {
    throw new Fault('unsupported', `${remote.name}: layer ${descriptor.digest} is encrypted`);
  }
  options.onEvent({ kind: 'layer', digest: descriptor.digest, state: 'waiting' });
}

/** One download at a time, across processes: whoever comes second waits, and finds the layer. */
async function haveLayer(remote: Remote, layer: ImageLayer, { ports, options }: Pulling): Promise<void> {
  const { holder, signal, onEvent } = options;
  const flight = {
    find: () => (ports.layers.hold(layer.diffId, holder) ? ('exists' as const) : undefined),
    make: async () => {
      await fetchLayer(remote, layer, { ...ports, holder, signal, onEvent });
      return 'done' as const;
    },
  };
  const state = await ports.locks.singleFlight(`layer ${layer.diffId}`, flight, { signal });
  onEvent({ kind: 'layer', digest: layer.descriptor.digest, state });
}

function foreignLayer(remote: Remote, digest: string): Fault {
  return new Fault('unsupported', `${remote.name}: layer ${digest} is not to be had from the registry`, {
    hint: 'it is a layer of Windows, which only runs there',
  });
}
