import {
  copyImage,
  fetchImage,
  pullImage,
  pullIndex,
  saveImages,
  storedManifest,
  type LayerPacking,
  type OutgoingImage,
} from '../image/index.ts';
import { Fault } from '../errors/index.ts';
import {
  formatReference,
  parsePlatform,
  parseReference,
  tagOrDigest,
  type Digest,
  type Reference,
} from '../oci/index.ts';
import {
  openArchiveTarget,
  openDirectoryTarget,
  resolveImage,
  writeWhole,
  type LayoutTarget,
} from '../registry/index.ts';
import { once } from '../std/index.ts';
import { parseCopyPlace, type CopyPlace } from './copy-place.ts';
import type { Copying } from './copying.ts';
import { storedDigest, namedInStore, openCopySource, type CopySource } from './copy-source.ts';
import type { CopyOptions, CopyResult, PushProgress, TransferEvent } from './images.ts';
import { packingOf, pushStored } from './push-image.ts';
import { openRegistryClient } from './registry-client.ts';
import type { Store } from './store.ts';

/** Copies an image from one place to another: `Images.copy`. */
export async function copyBetweenPlaces(
  store: Store,
  places: { readonly from: string; readonly to: string },
  options: CopyOptions,
): Promise<CopyResult> {
  const [from, to] = [parseCopyPlace(places.from), parseCopyPlace(places.to)];
  const { platform, state } = store;
  using held = new DisposableStack();
  const lease = once(() => held.use(state.leases.acquire({ purpose: `copy ${places.from} ${places.to}` })));
  // Before anything is looked up in the store; between registries nothing is.
  if (from.kind !== 'registry' || to.kind !== 'registry') lease();
  using client = openRegistryClient(store, { insecure: unverifiedOf({ from, to }, options) });
  const copying: Copying = {
    store,
    get lease() {
      return lease();
    },
    client,
    options,
    platform: options.platform === undefined ? platform : parsePlatform(options.platform, platform),
    packing: packingFor({ from, to }, options),
    onEvent: (event) => event.kind !== 'resolved' && options.onProgress(event),
  };
  try {
    if (from.kind === 'store' && to.kind === 'registry') return await pushFromStore(from.name, to.name, copying);
    const source = await openCopySource(from, copying);
    return { ...(await copyTo(to, source, copying)), sourceDigest: source.digest };
  } catch (error) {
    throw Fault.wrap(`copy ${places.from} to ${places.to}`, error);
  }
}

interface Places {
  readonly from: CopyPlace;
  readonly to: CopyPlace;
}

function unverifiedOf({ from, to }: Places, { sourceTlsVerify, targetTlsVerify }: CopyOptions): ReadonlySet<string> {
  const ends = [
    { place: from, tlsVerify: sourceTlsVerify },
    { place: to, tlsVerify: targetTlsVerify },
  ];
  const lax = ends.flatMap(({ place, tlsVerify }) => (tlsVerify === false && place.kind === 'registry' ? [place] : []));
  return new Set(lax.map(({ name }) => parseReference(name).registry));
}

function packingFor({ from, to }: Places, options: CopyOptions): LayerPacking | undefined {
  const isAsked = options.compression !== undefined || options.compressionLevel !== undefined;
  const isMadeHere = from.kind === 'store' || from.kind === 'docker-archive';
  const keepsManifests = to.kind === 'registry' || to.kind === 'oci' || to.kind === 'oci-archive';
  if (isAsked && !(isMadeHere && keepsManifests)) {
    throw new Fault('invalid', `layers from ${from.kind} to ${to.kind} are not compressed on the way`, {
      hint: 'a compression is for layers of the store or of a docker-archive that go to a registry or an OCI layout',
    });
  }
  return isAsked || to.kind === 'registry' ? packingOf(options) : undefined;
}

/** As `push` does: layers are compressed, and what was compressed is kept. */
async function pushFromStore(from: string, to: string, copying: Copying): Promise<CopyResult> {
  const { store, client, options } = copying;
  const reference = parseReference(to);
  refuseDigest(reference);
  const stored = namedInStore(from, copying);
  const before = await client.target(reference).findManifest(tagOrDigest(reference), options);
  const { digest } = await pushStored(store, stored, {
    reference,
    options: {
      ...options,
      tlsVerify: options.targetTlsVerify ?? true,
      onProgress: (event) => options.onProgress(event.kind === 'layer' ? layerEvent(event) : event),
    },
  });
  return { digest, sourceDigest: storedDigest(stored), changed: before?.digest !== digest };
}

function layerEvent({ digest, state }: Extract<PushProgress, { readonly kind: 'layer' }>): TransferEvent {
  if (state === 'done') return { kind: 'layer', digest, state };
  return { kind: 'layer', digest, state: state === 'exists' || state === 'mounted' ? 'exists' : 'waiting' };
}

function refuseDigest({ digest }: Reference): void {
  if (digest !== undefined) throw new Fault('invalid', 'a registry is given a tag, not a digest');
}

type Copied = Omit<CopyResult, 'sourceDigest'>;

async function copyTo(to: CopyPlace, source: CopySource, copying: Copying): Promise<Copied> {
  switch (to.kind) {
    case 'registry':
      return copyToRegistry(parseReference(to.name), source, copying);
    case 'store':
      return copyToStore(parseReference(to.name), source, copying);
    case 'oci':
      return copyToLayout(await openDirectoryTarget(to.path), { tag: to.tag, source }, copying);
    case 'oci-archive':
      return copyToLayout(await openArchiveTarget(to.path), { tag: to.tag, source }, copying);
    case 'docker-archive':
      return copyToDockerArchive(to, source, copying);
  }
}

async function copyToRegistry(name: Reference, source: CopySource, copying: Copying): Promise<Copied> {
  refuseDigest(name);
  const { descriptor, changed } = await copyImage(source.remote, copying.client.target(name), {
    ...copyOptions(source, copying),
    tag: tagOrDigest(name),
  });
  return { digest: descriptor.digest, changed };
}

async function copyToLayout(
  opened: LayoutTarget,
  { tag, source }: { readonly tag: string | undefined; readonly source: CopySource },
  copying: Copying,
): Promise<Copied> {
  await using target = opened;
  const { descriptor, changed } = await copyImage(source.remote, target, { ...copyOptions(source, copying), tag });
  if (changed && tag === undefined) await target.list(descriptor, undefined);
  await target.finish();
  return { digest: descriptor.digest, changed };
}

function copyOptions({ from }: CopySource, { options, platform, onEvent }: Copying) {
  return { from, all: options.all, platform, signal: options.signal, onEvent };
}

async function copyToStore(name: Reference, { remote, from }: CopySource, copying: Copying): Promise<Copied> {
  const { store, lease, options, platform, onEvent } = copying;
  const { blobs, layers, images, state } = store;
  const { signal } = options;
  const meaning = (): string | undefined => {
    const found = images.findIndex(formatReference(name));
    return found?.digest ?? images.find(formatReference(name))?.manifestDigest;
  };
  const before = meaning();
  const { digest } = await remote.manifest(from, { signal });
  const pull = options.all ? pullIndex : pullImage;
  const pulled = await pull(
    remote,
    { blobs, layers, images, locks: state.locks },
    {
      name: { registry: 'localhost', repository: 'copy', digest },
      names: [name],
      platform,
      holder: lease,
      signal,
      onEvent,
    },
  );
  return { digest: options.all ? pulled.targetDigest : pulled.image.manifestDigest, changed: before !== meaning() };
}

/** Docker's archives hold tars, whose length stands before their bytes: the layers are stored here on the way. */
async function copyToDockerArchive(
  { path, name }: Extract<CopyPlace, { readonly kind: 'docker-archive' }>,
  { remote, from }: CopySource,
  copying: Copying,
): Promise<Copied> {
  const { store, lease, options, platform, onEvent } = copying;
  const { blobs, layers, images, state } = store;
  const { signal } = options;
  if (options.all) throw new Fault('unsupported', "Docker's format holds no image of several platforms");
  const ports = { blobs, layers, images, locks: state.locks };
  const resolved = await resolveImage(remote, from, { platform, signal });
  await fetchImage(remote, resolved, { ports, options: { holder: lease, signal, onEvent } });
  const content: OutgoingImage = storedManifest(resolved.descriptor.digest, blobs);
  const names = name === undefined ? [] : [parseReference(name)];
  await writeWhole(path, async (write) => {
    await saveImages([{ content, names }], {
      blobs,
      layers,
      images,
      holder: lease,
      to: { format: 'docker', write },
      signal,
    });
  });
  return { digest: content.manifest.config.digest as Digest, changed: true };
}
