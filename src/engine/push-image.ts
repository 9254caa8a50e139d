import {
  LayerSources,
  pushImage,
  storedOutgoing,
  type LayerPacking,
  type StoredImage,
  type StoredIndex,
} from '../image/index.ts';
import { formatReference, parseReference, type DiffId, type Reference } from '../oci/index.ts';
import type { PushOptions, PushResult } from './images.ts';
import { openRegistryClient, unverified } from './registry-client.ts';
import type { Store } from './store.ts';

/** Pushes an image or an index of the store to the registry that `reference` names. */
export async function pushStored(
  store: Store,
  stored: StoredImage | StoredIndex,
  { reference, options }: { readonly reference: Reference; readonly options: PushOptions },
): Promise<PushResult> {
  const { blobs, layers, images, state } = store;
  const { signal, onProgress, tlsVerify } = options;
  using lease = state.leases.acquire({ purpose: `push ${formatReference(reference)}` });
  using client = openRegistryClient(store, { insecure: unverified(reference, { tlsVerify }) });
  const all = images.list();
  const sources = new LayerSources({
    blobs,
    layers,
    holder: lease,
    signal,
    packing: packingOf(options),
    images: all,
    memory: { records: state.compressedLayers, locks: state.locks },
  });
  const { digest, size } = await pushImage(client.target(reference), storedOutgoing(stored, blobs).content, {
    ports: { blobs, sources },
    options: {
      tag: reference.tag,
      elsewhere: elsewhereOf(all, reference),
      signal,
      onEvent: ({ diffId, ...event }) => onProgress({ ...event, digest: diffId }),
    },
  });
  return { reference: formatReference(reference), digest, sizeBytes: size };
}

type PackingChoice = Pick<PushOptions, 'compression' | 'compressionLevel'>;

/** gzip where nothing else is asked for. */
export function packingOf({ compression = 'gzip', compressionLevel }: PackingChoice): LayerPacking {
  return { kind: compression, level: compressionLevel, isForced: false };
}

/** As many as are tried: a repository that does not have the layer costs a question. */
const maxSources = 2;

/** Other repositories of the registry that have the layer, going by the names of the images that are here. */
function elsewhereOf(images: readonly StoredImage[], target: Reference): (diffId: DiffId) => readonly string[] {
  return (diffId) => {
    const names = images.filter(({ chain }) => chain.includes(diffId)).flatMap((image) => image.names);
    const references = names.map(parseReference).filter(({ registry }) => registry === target.registry);
    const others = references.filter(({ repository }) => repository !== target.repository);
    return [...new Set(others.map(({ registry, repository }) => `${registry}/${repository}`))].slice(0, maxSources);
  };
}
