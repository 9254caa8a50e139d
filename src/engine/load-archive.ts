import { loadImages } from '../image/index.ts';
import type { LoadedNames, LoadOptions } from './images.ts';
import type { Store } from './store.ts';

/** Brings the images of an archive into the store: `Images.load`. */
export async function loadArchive(
  { blobs, layers, images, state, platform }: Store,
  archive: AsyncIterable<Uint8Array>,
  { signal, onProgress }: LoadOptions,
): Promise<readonly LoadedNames[]> {
  using lease = state.leases.acquire({ purpose: 'load' });
  return await loadImages(archive, {
    blobs,
    layers,
    images,
    holder: lease,
    platform,
    signal,
    onEvent: (event) => event.kind !== 'resolved' && onProgress(event),
  });
}
