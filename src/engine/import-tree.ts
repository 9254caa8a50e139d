import { createReadStream } from 'node:fs';
import { importImage } from '../image/index.ts';
import { parsePlatform, parseReference } from '../oci/index.ts';
import type { Lease } from '../state/index.ts';
import type { ImportOptions } from './images.ts';
import { openSources } from './remote-sources.ts';
import type { Store } from './store.ts';

/** Makes an image of a root filesystem: `Images.importTar`. */
export async function importTree(
  store: Store,
  tar: AsyncIterable<Uint8Array> | URL,
  options: ImportOptions,
): Promise<{ readonly imageId: string }> {
  const { applyChanges } = await import('../build/index.ts');
  const { layers, images, clock, platform, state } = store;
  using lease = state.leases.acquire({ purpose: `import ${options.name ?? ''}`.trim() });
  const image = await importImage(tar instanceof URL ? await downloaded(store, tar, { lease, options }) : tar, {
    layers,
    images,
    clock,
    holder: lease,
    names: options.name === undefined ? [] : [parseReference(options.name)],
    platform: options.platform === undefined ? platform : parsePlatform(options.platform, platform),
    config: applyChanges({}, options.changes).config,
    message: options.message ?? (tar instanceof URL ? `Imported from ${shown(tar)}` : undefined),
    signal: options.signal,
  });
  return { imageId: image.imageId };
}

async function downloaded(
  store: Store,
  url: URL,
  { lease, options }: { readonly lease: Lease; readonly options: ImportOptions },
): Promise<AsyncIterable<Uint8Array>> {
  using sources = openSources(store);
  const { path } = await sources.fetchUrl(url.href, { holder: lease, signal: options.signal });
  return createReadStream(path, { highWaterMark: 1 << 20 });
}

/** It stands in the history: names and passwords do not, nor what may be a signature. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
