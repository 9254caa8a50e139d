import { Fault } from '../../errors/index.ts';
import {
  algorithmOf,
  digestMatches,
  digestOf,
  formatReference,
  isForeignLayerType,
  parseManifest,
  toDiffId,
  type Descriptor,
  type Digest,
} from '../../oci/index.ts';
import type { PutManifest, StoredManifestResult } from '../../registry-server/index.ts';
import type { Lease } from '../../state/index.ts';
import type { Store } from '../store.ts';
import { referredTo, type ManifestReader } from './manifest-reader.ts';
import { runnableImage } from './pushed-image.ts';
import { pushedReference } from './repository-names.ts';
import { storedFile } from './stored-blob.ts';

export interface PushedManifest extends PutManifest {
  readonly repository: string;
}

export interface PushManifestOptions {
  readonly reader: ManifestReader;
  readonly onWarning: (message: string) => void;
}

/**
 * Takes a manifest in: all that it refers to has to be here already. It is on record under its digest; each tag becomes a
 * name of the image that it is, or stands for it beside the images. All of that is durable when the call returns.
 */
export async function pushManifest(
  store: Store,
  pushed: PushedManifest,
  { reader, onWarning }: PushManifestOptions,
): Promise<StoredManifestResult> {
  const { repository, bytes, tags } = pushed;
  const digest = pushed.digest ?? digestOf(bytes);
  if (!digestMatches(digest, bytes)) throw new Fault('corrupt', `the manifest's digest is ${digestOf(bytes)}`);
  const manifest = parseManifest(bytes, pushed.mediaType === undefined ? {} : { mediaType: pushed.mediaType });
  using lease = store.state.leases.acquire({ purpose: `push to ${repository}` });
  lease.addAll(referredTo(manifest).map((each) => each.digest));
  for (const each of referredTo(manifest)) requireStored(store, each);
  store.blobs.put(bytes, { holder: lease, digest });
  const image =
    tags.length === 0
      ? undefined
      : await runnableImage(store, { digest, manifest }, { reader, holder: lease, onWarning });
  makeDurable(store, digest, reader);
  record(store, { repository, digest, tags, image, lease });
  return { digest, subject: manifest.subject?.digest };
}

/** Foreign layers are at other places, and only there. */
function requireStored(store: Store, { digest, size, mediaType }: Descriptor): void {
  const file = storedFile(store, digest);
  if (file === undefined && isForeignLayerType(mediaType)) return;
  if (file === undefined) throw new Fault('not-found', `the manifest refers to ${digest}, which is not stored here`);
  if (file.sizeBytes === size) return;
  throw new Fault('invalid', `the manifest says that ${digest} has ${size} bytes, it has ${file.sizeBytes}`);
}

function makeDurable({ blobs, layers }: Store, digest: Digest, reader: ManifestReader): void {
  const closure = [...reader.closure(digest)];
  const isLayer = (each: Digest): boolean =>
    algorithmOf(each) === 'sha256' && layers.stat(toDiffId(each)) !== undefined;
  blobs.makeDurable(closure.filter((each) => blobs.stat(each) !== undefined));
  layers.makeDurable(closure.filter((each) => blobs.stat(each) === undefined && isLayer(each)).map(toDiffId));
}

interface Recording {
  readonly repository: string;
  readonly digest: Digest;
  readonly tags: readonly string[];
  /** The manifest of the image that gets the names. */
  readonly image: Digest | undefined;
  readonly lease: Lease;
}

function record({ state, images }: Store, { repository, digest, tags, image, lease }: Recording): void {
  const { manifests } = state;
  state.durably(() => {
    manifests.put({ id: formatReference(pushedReference(repository, { digest })), body: { manifest: digest } });
    const names = tags.map((tag) => pushedReference(repository, { tag }));
    if (image === undefined) for (const name of names) images.untag(name);
    else if (names.length > 0) images.adopt(image, { names, holder: lease });
    for (const name of names) {
      const id = formatReference(name);
      if (image === digest) manifests.remove(id);
      else manifests.put({ id, body: { manifest: digest, ...(image === undefined ? {} : { image }) } });
    }
  });
}
