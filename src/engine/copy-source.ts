import { createReadStream } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { nodeFault } from '../host/index.ts';
import {
  LayerSources,
  noSuchPlatform,
  outgoingRemote,
  receiveImages,
  storedManifest,
  storedOutgoing,
  type StoredImage,
  type StoredIndex,
} from '../image/index.ts';
import { parseReference, formatReference, tagOrDigest, type Digest } from '../oci/index.ts';
import { openLayoutArchive, openLayoutDirectory, type OciLayout, type Remote } from '../registry/index.ts';
import { bytesOf } from '../std/index.ts';
import type { CopyPlace } from './copy-place.ts';
import type { Copying } from './copying.ts';

/** A place that an image is copied from. */
export interface CopySource {
  readonly remote: Remote;
  /** Tag, name or digest of the image there. */
  readonly from: string;
  /** What the image, or the index, is called there; undefined where the place keeps no manifests. */
  readonly digest: string | undefined;
}

export async function openCopySource(place: CopyPlace, copying: Copying): Promise<CopySource> {
  switch (place.kind) {
    case 'registry': {
      const name = parseReference(place.name);
      return { remote: copying.client.repository(name), from: tagOrDigest(name), digest: undefined };
    }
    case 'oci':
      return ofLayout(await openLayoutDirectory(place.path), place.tag);
    case 'oci-archive':
      return ofLayout(await openLayoutArchive(place.path), place.tag);
    case 'docker-archive':
      return ofDockerArchive(place, copying);
    case 'store':
      return ofStore(place.name, copying);
  }
}

function ofLayout(layout: OciLayout, tag: string | undefined): CopySource {
  const [entry, ...others] = layout.entries;
  if (entry === undefined) throw new Fault('not-found', `image layout ${layout.name}: there is no image in it`);
  if (tag === undefined && others.some(({ digest }) => digest !== entry.digest)) {
    throw new Fault('invalid', `image layout ${layout.name}: there are several images in it`, {
      hint: 'put the tag of one behind the path',
    });
  }
  return { remote: layout, from: tag ?? entry.digest, digest: undefined };
}

/** What a name of the store means: with `all` the index if it is one, else the image for the platform. */
export function namedInStore(name: string, copying: Copying): StoredImage | StoredIndex {
  const { images } = copying.store;
  const index = images.findIndex(name);
  const wanted = { platform: copying.options.platform === undefined ? undefined : copying.platform };
  const found = copying.options.all && index !== undefined ? index : images.find(name, wanted);
  if (found === undefined && index !== undefined) throw noSuchPlatform(name, copying.platform, index);
  if (found === undefined) throw new Fault('not-found', `no such image: ${name}`);
  return found;
}

async function ofStore(name: string, copying: Copying): Promise<CopySource> {
  const found = namedInStore(name, copying);
  const remote = await outgoingRemote(
    name,
    storedOutgoing(found, copying.store.blobs).content,
    layerSources(imagesOf(found), copying),
  );
  return { remote, from: remote.descriptor.digest, digest: storedDigest(found) };
}

export function storedDigest(stored: StoredImage | StoredIndex): Digest {
  return 'members' in stored ? stored.digest : stored.manifestDigest;
}

function imagesOf(stored: StoredImage | StoredIndex): readonly StoredImage[] {
  return 'members' in stored ? stored.members.map(({ image }) => image) : [stored];
}

/** The archive's layers are stored on the way, without a name: they have no digests before they were read. */
async function ofDockerArchive(
  { path, name }: Extract<CopyPlace, { readonly kind: 'docker-archive' }>,
  copying: Copying,
): Promise<CopySource> {
  const { store, lease, options, platform, onEvent } = copying;
  const { blobs, layers, images } = store;
  const loading = { blobs, layers, images, holder: lease, platform, signal: options.signal };
  const ready = await receiveImages(bytesOfArchive(path), {
    ...loading,
    onEvent: (event) => event.kind !== 'warning' && onEvent(event),
  });
  const wanted = name === undefined ? undefined : formatReference(parseReference(name));
  const chosen = ready.filter(
    ({ names }) => wanted === undefined || names.some((each) => formatReference(each) === wanted),
  );
  const [image, ...others] = chosen;
  if (image === undefined) throw new Fault('not-found', `image archive ${path}: there is no ${name ?? 'image'} in it`);
  if (others.length > 0) {
    throw new Fault('invalid', `image archive ${path}: there are several images in it`, {
      hint: 'put the name of one behind the path',
    });
  }
  if (image.kind === 'index')
    throw new Fault('unsupported', `image archive ${path}: it holds an index`, { hint: 'copy it as oci-archive:' });
  const remote = await outgoingRemote(path, storedManifest(image.digest, blobs), layerSources([], copying));
  return { remote, from: remote.descriptor.digest, digest: undefined };
}

async function* bytesOfArchive(path: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 });
  } catch (error) {
    throw nodeFault('read image archive', bytesOf(path), error);
  }
}

function layerSources(images: readonly StoredImage[], { store, lease, options, packing }: Copying): LayerSources {
  const { blobs, layers } = store;
  return new LayerSources({ blobs, layers, holder: lease, signal: options.signal, packing, images });
}
