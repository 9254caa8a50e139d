import { annotated } from '../../image/index.ts';
import { formatReference, samePlatform, type Digest, type Platform, type Reference } from '../../oci/index.ts';
import type { DockerOutput, ImageOutput, OciOutput } from './build-output.ts';
import type { FinishedTarget, OutputPorts, WrittenImage } from './finished-target.ts';
import { parseNames } from '../image-names.ts';
import { annotationsFor, type Annotation } from './output-annotations.ts';

/** Makes the result an image of this store; of several platforms an index. */
export function storeImage(
  output: ImageOutput | DockerOutput,
  target: FinishedTarget,
  { images, blobs, holder, platform: host }: OutputPorts,
): WrittenImage {
  const names = namesOf(output, target);
  const given = names.map(formatReference);
  const annotations = allAnnotations(output, target);
  const members = target.platforms.map(({ platform, config }) => ({
    platform,
    digest: images.write(config, { holder, ...annotated(annotationsFor(annotations, 'manifest', platform)) }),
    ...annotated(annotationsFor(annotations, 'manifestDescriptor', platform)),
  }));
  const [first] = members;
  if (!target.isMulti && first !== undefined) {
    const { imageId, manifestDigest, manifest } = images.adopt(first.digest, { names, holder });
    const size = blobs.stat(manifestDigest)?.sizeBytes ?? 0;
    return {
      descriptor: { mediaType: manifest.mediaType, digest: manifestDigest, size },
      imageId,
      configDigest: imageId,
      names: given,
    };
  }
  const index = images.addIndex(members, { names, holder, ...annotated(annotationsFor(annotations, 'index')) });
  const size = blobs.stat(index.digest)?.sizeBytes ?? 0;
  const configDigests = index.members.map(({ image }) => image.imageId);
  return {
    descriptor: { mediaType: index.index.mediaType, digest: index.digest, size },
    names: given,
    ...imageIdsOf(configDigests, target, host),
  };
}

/** The ID for this machine's platform, or for the first. */
export function imageIdsOf(
  configDigests: readonly Digest[],
  { platforms, isMulti }: FinishedTarget,
  host: Platform,
): Pick<WrittenImage, 'imageId' | 'configDigest'> {
  const own = platforms.findIndex(({ platform }) => samePlatform(platform, host));
  const imageId = configDigests[Math.max(own, 0)] as Digest;
  return { imageId, configDigest: isMulti ? undefined : imageId };
}

/** Those of `-t` and those of the output. */
export function namesOf(
  output: ImageOutput | OciOutput | DockerOutput,
  { names }: FinishedTarget,
): readonly Reference[] {
  const all = [...names, ...parseNames(output.names)];
  return [...new Map(all.map((name) => [formatReference(name), name])).values()];
}

/** Those of the build and those of the output, which count where both have a key. */
export function allAnnotations(
  { annotations }: ImageOutput | OciOutput | DockerOutput,
  target: FinishedTarget,
): readonly Annotation[] {
  return [...target.annotations, ...annotations];
}
