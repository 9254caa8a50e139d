import { Fault } from '../errors/index.ts';
import { isForeignLayerType, type Descriptor, type Platform } from '../oci/index.ts';
import { readElsewhere, resolveImage, type Remote, type RemoteManifest, type RemoteTarget } from '../registry/index.ts';
import { createLimit, together, type Limit } from '../std/index.ts';
import type { PullEvent } from './pull-image.ts';

export interface CopyImageOptions {
  /** Tag, digest or name of the image at the place where it comes from. */
  readonly from: string;
  /** The tag that it gets; without one it is known by its digest. */
  readonly tag: string | undefined;
  /** All that an index names, and the index; else its image for this platform alone. */
  readonly all: boolean;
  readonly platform: Platform;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PullEvent) => void;
}

export interface CopiedImage {
  /** What is at the target now, under its tag if it has one. */
  readonly descriptor: Descriptor;
  /** False where all of it was there before. */
  readonly changed: boolean;
}

/**
 * Copies an image, or with `all` an index, from one place to another, byte for byte: blobs first, then the manifests that
 * name them. Only what is missing there travels, blob by blob, without being stored on the way; each blob is hashed by who
 * takes it. What is there under the tag already costs one question to each side, asked at once: a place that has a manifest has all
 * that it names, which is for it to see to (`RemoteTarget`).
 */
export async function copyImage(source: Remote, target: RemoteTarget, options: CopyImageOptions): Promise<CopiedImage> {
  const { tag, onEvent } = options;
  const tagged = tag === undefined ? undefined : target.findManifest(tag, options);
  // The source's failure is told first.
  tagged?.catch(() => undefined);
  const top = await wanted(source, options);
  onEvent({ kind: 'resolved', digest: top.digest });
  const descriptor = { mediaType: top.mediaType, digest: top.digest, size: top.bytes.length };
  const there = await (tagged ?? target.findManifest(top.digest, options));
  if (there?.digest === top.digest) return { descriptor, changed: false };
  await copyManifest(top, { source, target, options, limit: createLimit(blobsAtOnce), depth: 0 });
  return { descriptor, changed: true };
}

const blobsAtOnce = 4;
/** How deep an index may lie in another, as for `resolveImage`. */
const maxIndexDepth = 4;

interface Copying {
  readonly source: Remote;
  readonly target: RemoteTarget;
  readonly options: CopyImageOptions;
  readonly limit: Limit;
  readonly depth: number;
}

async function wanted(source: Remote, options: CopyImageOptions): Promise<RemoteManifest> {
  if (options.all) return source.manifest(options.from, options);
  const { descriptor, bytes, manifest } = await resolveImage(source, options.from, options);
  return { mediaType: descriptor.mediaType, digest: descriptor.digest, bytes, manifest };
}

/** What a manifest names, then itself. */
async function copyManifest({ mediaType, bytes, manifest }: RemoteManifest, copying: Copying): Promise<void> {
  const { target, options, depth } = copying;
  if (manifest.kind === 'image') await copyBlobs([...manifest.layers.filter(travels), manifest.config], copying);
  else for (const member of manifest.manifests) await copyMember(member, { ...copying, depth: depth + 1 });
  const tag = depth === 0 ? options.tag : undefined;
  await target.putManifest(bytes, { mediaType, tag, signal: options.signal });
}

async function copyMember(member: Descriptor, copying: Copying): Promise<void> {
  const { source, target, options, depth } = copying;
  if (depth > maxIndexDepth) throw new Fault('invalid', `${source.name}: its indexes are nested too deeply`);
  if ((await target.findManifest(member.digest, options)) !== undefined) return;
  await copyManifest(await source.manifest(member.digest, options), copying);
}

/** Layers of Windows bases are at their own addresses, and registries do without them. */
function travels({ mediaType }: Descriptor): boolean {
  return !isForeignLayerType(mediaType);
}

/** Side by side; the first that fails stops the others. */
async function copyBlobs(blobs: readonly Descriptor[], copying: Copying): Promise<void> {
  const { options, limit } = copying;
  const distinct = new Map(blobs.map((each) => [each.digest, each]));
  const works = [...distinct.values()].map(
    (each) => (signal: AbortSignal) =>
      limit(() => copyBlob(each, { ...copying, options: { ...options, signal } }), signal),
  );
  await together(works, options.signal);
}

async function copyBlob(descriptor: Descriptor, { source, target, options }: Copying): Promise<void> {
  const { signal, onEvent } = options;
  const { digest, size: totalBytes } = descriptor;
  const isThere =
    (await target.hasBlob(descriptor, { signal })) || (await target.mountBlob(descriptor, source.name, { signal }));
  if (isThere) return onEvent({ kind: 'layer', digest, state: 'exists' });
  onEvent({ kind: 'layer', digest, state: 'waiting' });
  const content = {
    descriptor,
    open: (offsetBytes: number) => source.blob(descriptor, { offsetBytes, signal }),
  };
  const onProgress = (doneBytes: number): void => onEvent({ kind: 'bytes', digest, doneBytes, totalBytes });
  await readElsewhere(source, descriptor, () => target.putBlob(content, { signal, onProgress }));
  onEvent({ kind: 'layer', digest, state: 'done' });
}
