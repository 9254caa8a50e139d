import type { OmittedLayer, StoredImage, StoredIndex } from '../image/index.ts';
import type { DiffId } from '../oci/index.ts';

type Stored = StoredImage | StoredIndex;

/** The layers of `saved` that one of `since` has too, each with the images that have it. */
export function omittedLayers(saved: readonly Stored[], since: readonly Stored[]): readonly OmittedLayer[] {
  const wanted = new Set(saved.flatMap(layersOf));
  const names = new Map<DiffId, Set<string>>();
  for (const stored of since) {
    const name = stored.names[0] ?? ('members' in stored ? stored.digest : stored.imageId);
    for (const diffId of layersOf(stored)) {
      if (wanted.has(diffId)) names.set(diffId, (names.get(diffId) ?? new Set()).add(name));
    }
  }
  return [...names].map(([diffId, images]) => ({ diffId, images: [...images] }));
}

function layersOf(stored: Stored): readonly DiffId[] {
  const images = 'members' in stored ? stored.members.map(({ image }) => image) : [stored];
  return images.flatMap(({ chain }) => chain);
}
