import type { StoredImage } from '../image/index.ts';
import type { LayerStore } from '../layer/index.ts';
import { familiarName, familiarReference, parseReference } from '../oci/index.ts';
import type { ImageInspect } from './images.ts';

/** Docker's JSON for an image (Engine API v1.47, ImageInspect). */
export function inspectImage(
  image: StoredImage,
  store: { readonly layers: LayerStore; readonly root: string },
): ImageInspect {
  const { config, chain, imageId, manifestDigest, names } = image;
  const references = names.map(parseReference);
  const newest = config.history?.at(-1);
  return {
    Id: imageId,
    RepoTags: references.filter((each) => each.tag !== undefined).map(familiarReference),
    RepoDigests: [...new Set(references.map((each) => `${familiarName(each)}@${each.digest ?? manifestDigest}`))],
    Parent: '',
    Comment: newest?.comment ?? '',
    Created: config.created ?? '',
    DockerVersion: '',
    Author: config.author ?? '',
    Config: config.config ?? {},
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: chain.reduce((sum, diffId) => sum + (store.layers.stat(diffId)?.sizeBytes ?? 0), 0),
    GraphDriver: { Name: 'varve', Data: { Layers: chain.map((diffId) => store.layers.tar(diffId).path).join(':') } },
    RootFS: { Type: 'layers', Layers: chain },
    Metadata: { LastTagTime: new Date(image.storedMs).toISOString() },
    Descriptor: { mediaType: image.manifest.mediaType, digest: manifestDigest },
  };
}
