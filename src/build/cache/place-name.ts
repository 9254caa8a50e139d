import { formatReference } from '../../oci/index.ts';
import type { CachePlace } from './cache-place.ts';

/** How messages call it. */
export function placeName(place: CachePlace): string {
  return place.kind === 'local' ? place.folder : formatReference(place.reference);
}
