import type { StoredIndex } from '../image/index.ts';
import { familiarReference, parseReference } from '../oci/index.ts';
import type { RemovedImage } from './images.ts';
import { inUse, meansName, type RemoveImageOptions } from './remove-image.ts';

/**
 * `rmi` of what means an index: by a name, that name goes; by its digest, all of its names. With the last one goes the
 * index, and each member that nothing else keeps. Where a container stands on such a member, only by force.
 */
export function removeImageIndex(
  index: StoredIndex,
  asked: string,
  { images, collector, usedBy, force }: RemoveImageOptions,
): readonly RemovedImage[] {
  const name = index.names.find((each) => meansName(asked, each));
  const going = name === undefined ? index.names : [name];
  if (going.length === index.names.length && !force) {
    for (const { image } of index.members) {
      const containers = usedBy(image.imageId);
      if (containers.length > 0) throw inUse(asked, image, containers);
    }
  }
  if (name === undefined) images.removeIndex(index.digest);
  else images.untag(parseReference(name));
  collector.collect({ cache: 'keep' });
  const imageIds = [...new Set(index.members.map(({ image }) => image.imageId))];
  return [
    ...going.map((each) => ({ untagged: familiarReference(parseReference(each)) })),
    ...imageIds.filter((imageId) => images.get(imageId) === undefined).map((imageId) => ({ deleted: imageId })),
  ];
}
