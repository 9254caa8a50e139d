import { Fault } from '../errors/index.ts';
import type { ImageStore, StoredImage } from '../image/index.ts';
import { familiarReference, formatReference, parseReference, type Digest } from '../oci/index.ts';
import type { GarbageCollector } from './garbage-collector.ts';
import type { RemovedImage } from './images.ts';

export interface RemoveImageOptions {
  readonly images: ImageStore;
  /** Called when the names are gone. */
  readonly collector: Pick<GarbageCollector, 'collect'>;
  readonly usedBy: (imageId: string) => readonly string[];
  readonly force: boolean;
}

/**
 * Docker's `rmi`: by a name, that name goes, and the image with its last one; by an ID, all of its names, if it has one
 * at most or `force`. An image that a container stands on is not deleted; its name may go if it is not the last, or by
 * force. Content goes where nothing else needs it.
 */
export function removeImage(image: StoredImage, asked: string, options: RemoveImageOptions): readonly RemovedImage[] {
  const { images, collector, usedBy, force } = options;
  const name = image.names.find((each) => meansName(asked, each));
  const isLast = name === undefined || image.names.length <= 1;
  const containers = usedBy(image.imageId);
  if (isLast && containers.length > 0 && !force) throw inUse(asked, image, containers);
  if (name === undefined && image.names.length > 1 && !force) throw severalNames(image);
  const untagged = name === undefined || isLast ? images.remove(image.imageId) : untag(images, name);
  collector.collect({ cache: 'keep' });
  const stays = images.get(image.imageId as Digest) !== undefined;
  return [
    ...untagged.map((each) => ({ untagged: familiarReference(parseReference(each)) })),
    ...(stays ? [] : [{ deleted: image.imageId }]),
  ];
}

function untag(images: ImageStore, name: string): readonly string[] {
  images.untag(parseReference(name));
  return [name];
}

/** True if `asked`, as a person writes it, is this name in full; an ID is none. */
export function meansName(asked: string, full: string): boolean {
  try {
    return formatReference(parseReference(asked)) === full;
  } catch {
    return false;
  }
}

export function inUse(asked: string, image: StoredImage, containers: readonly string[]): Fault {
  const short = image.imageId.slice('sha256:'.length, 'sha256:'.length + 12);
  return new Fault(
    'conflict',
    `unable to remove repository reference "${asked}" (must force): container ${containers[0]} is using its referenced image ${short}`,
    { hint: "remove the container first ('varve rm'), or give -f" },
  );
}

function severalNames(image: StoredImage): Fault {
  const short = image.imageId.slice('sha256:'.length, 'sha256:'.length + 12);
  return new Fault(
    'conflict',
    `unable to delete ${short} (must be forced): image is referenced in multiple repositories`,
    { hint: `its names are ${image.names.join(', ')}; remove them one by one, or give -f` },
  );
}
