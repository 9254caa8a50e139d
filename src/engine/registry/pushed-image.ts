import { Fault } from '../../errors/index.ts';
import type { LayerHolder } from '../../layer/index.ts';
import {
  algorithmOf,
  choosePlatform,
  imageLayers,
  isImageConfigType,
  isImageManifestType,
  layerCompression,
  isForeignLayerType,
  maxConfigBytes,
  parseImageConfig,
  type Digest,
  type ImageIndex,
  type ImageLayer,
  type Manifest,
} from '../../oci/index.ts';
import type { Store } from '../store.ts';
import type { ManifestReader } from './manifest-reader.ts';
import { storeLayer } from './store-layer.ts';

export interface PushedImageOptions {
  readonly reader: ManifestReader;
  readonly holder: LayerHolder;
  /** Told why what looks like an image is none. */
  readonly onWarning: (message: string) => void;
}

/**
 * The manifest of the image that can run under the name of what was pushed: itself, or of an index the member for this
 * machine. Its layers are stored and indexed. Undefined where there is none, or where it is not what it says: a
 * registry keeps that as well.
 */
export async function runnableImage(
  store: Store,
  { digest, manifest }: { readonly digest: Digest; readonly manifest: Manifest },
  options: PushedImageOptions,
): Promise<Digest | undefined> {
  const chosen = manifest.kind === 'index' ? memberFor(store, manifest) : digest;
  const found = chosen === undefined ? undefined : options.reader.read(chosen);
  if (found?.manifest.kind !== 'image' || algorithmOf(found.digest) !== 'sha256') return undefined;
  const { config, layers } = found.manifest;
  const isImage = isImageConfigType(config.mediaType) && layers.every(({ mediaType }) => isUsableLayer(mediaType));
  if (!isImage || algorithmOf(config.digest) !== 'sha256') return undefined;
  try {
    const parsed = parseImageConfig(store.blobs.read(config.digest, { maxBytes: maxConfigBytes }));
    await storeLayers(store, imageLayers(found.manifest, parsed), options.holder);
    store.layers.makeDurable(parsed.rootfs.diff_ids);
    return found.digest;
  } catch (error) {
    if (!Fault.is(error) || !notAnImage.has(error.code)) throw error;
    options.onWarning(`${digest} is kept, but cannot run: ${error.message}`);
    return undefined;
  }
}

const notAnImage: ReadonlySet<string> = new Set(['corrupt', 'invalid', 'exhausted', 'unsupported']);

function memberFor({ platform }: Store, { manifests }: ImageIndex): Digest | undefined {
  const candidates = manifests.flatMap((each) =>
    each.platform !== undefined && isImageManifestType(each.mediaType) ? [{ ...each, platform: each.platform }] : [],
  );
  return choosePlatform(candidates, platform)?.digest;
}

function isUsableLayer(mediaType: string): boolean {
  return layerCompression(mediaType) !== undefined && !isForeignLayerType(mediaType);
}

async function storeLayers(store: Store, layers: readonly ImageLayer[], holder: LayerHolder): Promise<void> {
  for (const layer of layers) await storeLayer(store, layer, holder);
}
