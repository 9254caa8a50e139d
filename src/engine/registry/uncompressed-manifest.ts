import {
  digestOf,
  encodeManifest,
  familyOf,
  imageLayers,
  maxConfigBytes,
  mediaTypes,
  parseImageConfig,
  toDigest,
  type Descriptor,
  type Digest,
  type ImageLayer,
  type ImageManifest,
} from '../../oci/index.ts';
import type { ServedManifest } from '../../registry-server/index.ts';
import type { Store } from '../store.ts';
import { storedFile } from './stored-blob.ts';

/**
 * The manifest of an image some of whose compressed layers are not here: they were not fetched, since the layers were. In
 * place of these it names their tars. The same image gives the same manifest. Fault `not-found` if a layer is missing.
 */
export function uncompressedManifest(
  store: Pick<Store, 'blobs' | 'layers'>,
  manifest: ImageManifest,
): { readonly served: ServedManifest; readonly layers: readonly Digest[] } {
  const config = parseImageConfig(store.blobs.read(manifest.config.digest, { maxBytes: maxConfigBytes }));
  const layers = imageLayers(manifest, config).map((layer) => presentForm(store, layer, manifest));
  const bytes = encodeManifest({ ...manifest, layers });
  const served = { digest: digestOf(bytes), mediaType: manifest.mediaType, bytes };
  return { served, layers: layers.map(({ digest }) => digest) };
}

function presentForm(
  store: Pick<Store, 'blobs' | 'layers'>,
  { descriptor, diffId }: ImageLayer,
  { mediaType }: ImageManifest,
): Descriptor {
  if (storedFile(store, descriptor.digest) !== undefined) return descriptor;
  const type = familyOf(mediaType) === 'docker' ? mediaTypes.dockerLayer : mediaTypes.ociLayer;
  return { mediaType: type, digest: toDigest(diffId), size: store.layers.tar(diffId).sizeBytes };
}
