import type { LayoutPlace, PullBaseOptions } from '../build/index.ts';
import { Fault } from '../errors/index.ts';
import { pullImage, type StoredImage } from '../image/index.ts';
import type { LayerHolder } from '../layer/index.ts';
import { openLayoutDirectory, type OciLayout } from '../registry/index.ts';
import type { Store } from './store.ts';
import { transferSum } from './transfer-sum.ts';

/** Brings an image from an OCI layout into the store. It gets no name: the holder alone keeps it. */
export async function pullLayout(
  { blobs, layers, images, state }: Store,
  { path, name }: LayoutPlace,
  { platform, signal, holder, onProgress }: PullBaseOptions & { readonly holder: LayerHolder },
): Promise<StoredImage> {
  const layout = await openLayoutDirectory(path);
  const ports = { blobs, layers, images, locks: state.locks };
  const { digest } = await layout.manifest(name ?? onlyImage(layout), { signal });
  const { image } = await pullImage(layout, ports, {
    name: { registry: 'localhost', repository: 'oci-layout', digest },
    names: [],
    platform,
    holder,
    signal,
    onEvent: transferSum(onProgress),
  });
  return image;
}

/** `latest`, where there are several. */
function onlyImage({ entries, name }: OciLayout): string {
  if (entries.length === 0) throw new Fault('not-found', `image layout ${name}: there is no image in it`);
  const [entry] = entries;
  return entry === undefined || entries.length > 1 ? 'latest' : entry.digest;
}
