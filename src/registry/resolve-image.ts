import { Fault } from '../errors/index.ts';
import type { Descriptor, Digest, ImageIndex, ImageManifest, Platform } from '../oci/index.ts';
import { choosePlatform, formatPlatform, isImageIndexType, isImageManifestType } from '../oci/index.ts';
import type { Remote, RemoteManifest, WaitOptions } from './remote.ts';

export interface ResolveOptions extends WaitOptions {
  /** Which image of an index is wanted. Not looked at where the name means one image. */
  readonly platform: Platform;
}

/** One image as a remote has it. */
export interface ResolvedImage {
  /** What the name means there: the index if there is one, else the image. Its digest is what `name@digest` pins. */
  readonly target: RemoteManifest;
  /** The image's own manifest, with its descriptor. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: ImageManifest;
}

/** How deep an index may lie in another. Real ones never do; the specification allows it. */
const maxIndexDepth = 4;

/**
 * The image that a tag or digest means for a platform: follows an index to the manifest that suits best. An index
 * without a suitable one is `not-found`, and the message lists what there is.
 */
export async function resolveImage(
  remote: Remote,
  tagOrDigest: string,
  options: ResolveOptions,
): Promise<ResolvedImage> {
  const target = await remote.manifest(tagOrDigest, options);
  const seen = new Set<Digest>([target.digest]);
  let found = target;
  while (found.manifest.kind === 'index') {
    const next = chooseManifest(remote, found.manifest, options.platform);
    if (seen.has(next.digest) || seen.size > maxIndexDepth) {
      throw new Fault('invalid', `${remote.name}: index ${target.digest} is nested too deeply or in itself`);
    }
    seen.add(next.digest);
    found = await childManifest(remote, next, options);
  }
  const { mediaType, digest, bytes, manifest } = found;
  return { target, descriptor: { mediaType, digest, size: bytes.length }, bytes, manifest };
}

async function childManifest(remote: Remote, wanted: Descriptor, options: WaitOptions): Promise<RemoteManifest> {
  const child = await remote.manifest(wanted.digest, options);
  if (child.bytes.length !== wanted.size || child.mediaType !== wanted.mediaType) {
    const [is, said] = [`${child.bytes.length} bytes of ${child.mediaType}`, `${wanted.size} of ${wanted.mediaType}`];
    throw new Fault('corrupt', `${remote.name}: manifest ${wanted.digest} is ${is}, its index says ${said}`);
  }
  return child;
}

/** A person reads them. */
const maxShown = 30;

function chooseManifest(remote: Remote, index: ImageIndex, platform: Platform): Descriptor {
  const images = index.manifests.filter(
    (each) => isImageManifestType(each.mediaType) || isImageIndexType(each.mediaType),
  );
  const chosen = choosePlatform(images, platform);
  if (chosen !== undefined) return chosen;
  const offered = [...new Set(images.map((each) => (each.platform ? formatPlatform(each.platform) : 'unknown')))];
  const shown = offered.length > maxShown ? [...offered.slice(0, maxShown), '…'] : offered;
  throw new Fault('not-found', `${remote.name}: no image for ${formatPlatform(platform)}`, {
    hint:
      offered.length === 0
        ? 'its index is empty'
        : `there are images for ${shown.join(', ')}: choose one with --platform`,
  });
}
