import { Fault } from '../errors/index.ts';
import {
  choosePlatform,
  formatReference,
  tagOrDigest,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
} from '../oci/index.ts';
import { readElsewhere, type Remote, type RemoteManifest } from '../registry/index.ts';
import { createLimit, together } from '../std/index.ts';
import type { StoredIndex } from './image-store.ts';
import { isImageMember } from './index-members.ts';
import {
  fetchImage,
  pullImage,
  type PulledImage,
  type Pulling,
  type PullImageOptions,
  type PullPorts,
} from './pull-image.ts';

/**
 * Brings all that a name means at a remote into the store: an index with every image that it names, for whatever platform,
 * and what it says beside them; the documents byte for byte. One image that has no index is pulled as `pullImage` does.
 *
 * Nothing has a name before all of it is there.
 */
export async function pullIndex(remote: Remote, ports: PullPorts, options: PullImageOptions): Promise<PulledImage> {
  const { name, holder, signal, onEvent } = options;
  const target = await remote.manifest(tagOrDigest(name), { signal });
  if (target.manifest.kind === 'image') return pullImage(remote, ports, options);
  onEvent({ kind: 'resolved', digest: target.digest });
  const names = options.names ?? [name];
  const before = ports.images.findIndex(formatReference(name))?.digest;
  await fetchMembers(remote, target.manifest, { ports, options });
  ports.blobs.put(target.bytes, { holder, digest: target.digest });
  const index = ports.images.adoptIndex(target.digest, { names, holder });
  return { image: shown(index, options), targetDigest: target.digest, changed: before !== target.digest };
}

async function fetchMembers(remote: Remote, { manifests }: ImageIndex, { ports, options }: Pulling): Promise<void> {
  const limit = createLimit(parallelMembers);
  const works = manifests.map((member) => (signal: AbortSignal) => {
    const pulling = { ports, options: { ...options, signal } };
    return limit(() => fetchMember(remote, member, pulling), signal);
  });
  await together(works, options.signal);
}

/** Their documents are on the way while layers of others come. */
const parallelMembers = 3;

async function fetchMember(remote: Remote, member: Descriptor, pulling: Pulling): Promise<void> {
  const document = await remote.manifest(member.digest, pulling.options);
  const { manifest, mediaType, digest, bytes } = document;
  if (manifest.kind === 'index') {
    throw new Fault('unsupported', `${remote.name}: index ${digest} lies in another one`);
  }
  const descriptor = { mediaType, digest, size: bytes.length };
  if (isImageMember(member)) await fetchImage(remote, { descriptor, bytes, manifest }, pulling);
  else await fetchAttached(remote, { ...document, manifest }, pulling);
}

/** What is said beside images: its blobs as they are. */
async function fetchAttached(
  remote: Remote,
  { digest, bytes, manifest }: RemoteManifest & { readonly manifest: ImageManifest },
  pulling: Pulling,
): Promise<void> {
  const { ports, options } = pulling;
  for (const blob of [manifest.config, ...manifest.layers]) await fetchBlob(remote, blob, pulling);
  ports.blobs.put(bytes, { holder: options.holder, digest });
}

/** One download at a time, across processes, which goes on where an earlier one was cut. */
async function fetchBlob(remote: Remote, blob: Descriptor, { ports, options }: Pulling): Promise<void> {
  const { holder, signal } = options;
  const { blobs, locks } = ports;
  const flight = {
    find: () => blobs.hold(blob.digest, holder) || undefined,
    make: async () => {
      await readElsewhere(remote, blob, () => storeBlob(remote, blob, { blobs, holder, signal }));
      return true;
    },
  };
  await locks.singleFlight(`blob ${blob.digest}`, flight, { signal });
}

async function storeBlob(
  remote: Remote,
  { digest, size, mediaType }: Descriptor,
  { blobs, holder, signal }: Pick<PullPorts, 'blobs'> & Pick<PullImageOptions, 'holder' | 'signal'>,
): Promise<void> {
  using writer = blobs.writer({ holder, digest, sizeBytes: size });
  try {
    const rest = remote.blob({ digest, size, mediaType }, { signal, offsetBytes: writer.offsetBytes });
    for await (const chunk of rest) writer.write(chunk);
    await writer.commit();
  } catch (error) {
    if (Fault.is(error, 'corrupt')) writer.truncate(0);
    throw Fault.wrap(`${remote.name}: blob ${digest}`, error);
  }
}

function shown({ members }: StoredIndex, { platform }: PullImageOptions): PulledImage['image'] {
  const chosen = choosePlatform(members, platform) ?? members[0];
  if (chosen === undefined) throw new Fault('internal', 'an index without images was stored');
  return chosen.image;
}
