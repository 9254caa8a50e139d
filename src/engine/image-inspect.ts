import type { StoredImage, StoredIndex, StoredMember } from '../image/index.ts';
import type { LayerStore } from '../layer/index.ts';
import { familiarName, familiarReference, parseReference } from '../oci/index.ts';
import type { DigestOfName } from './image-summaries.ts';
import type { ImageInspect } from './images.ts';

interface InspectOptions {
  readonly layers: LayerStore;
  /** What was asked for, where that is an index: then the image is its member for this machine, or its first. */
  readonly index: StoredIndex | undefined;
  readonly digestOf: DigestOfName;
}

/** Docker's JSON for an image (Engine API v1.48, ImageInspect); the members of an index stand in `Manifests`. */
export function inspectImage(image: StoredImage, { layers, index, digestOf }: InspectOptions): ImageInspect {
  const { config, chain, imageId, manifestDigest, names } = image;
  const references = names.map(parseReference);
  const newest = config.history?.at(-1);
  return {
    Id: imageId,
    RepoTags: references.filter((each) => each.tag !== undefined).map(familiarReference),
    RepoDigests: [...new Set(names.map((name) => `${familiarName(parseReference(name))}@${digestOf(image, name)}`))],
    Parent: '',
    Comment: newest?.comment ?? '',
    Created: config.created ?? '',
    DockerVersion: '',
    Author: config.author ?? '',
    Config: config.config ?? {},
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: sizeOf(image, layers),
    GraphDriver: { Name: 'varve', Data: { Layers: chain.map((diffId) => layers.tar(diffId).path).join(':') } },
    RootFS: { Type: 'layers', Layers: chain },
    Metadata: { LastTagTime: new Date(image.storedMs).toISOString() },
    Descriptor: { mediaType: image.manifest.mediaType, digest: manifestDigest },
    ...(index === undefined ? {} : ofIndex(index, layers)),
  };
}

function ofIndex({ digest, index, members }: StoredIndex, layers: LayerStore): ImageInspect {
  return {
    Descriptor: { mediaType: index.mediaType, digest },
    Manifests: members.map((member) => manifestSummary(member, layers)),
  };
}

/** Docker's ManifestSummary. */
function manifestSummary({ platform, descriptor, image }: StoredMember, layers: LayerStore): ImageInspect {
  const unpacked = sizeOf(image, layers);
  return {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: true,
    Size: { Total: unpacked },
    Kind: 'image',
    ImageData: { Platform: platform, Size: { Unpacked: unpacked } },
  };
}

function sizeOf({ chain }: StoredImage, layers: LayerStore): number {
  return chain.reduce((sum, diffId) => sum + (layers.stat(diffId)?.sizeBytes ?? 0), 0);
}
