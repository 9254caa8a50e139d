import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobStore, type BlobStore } from '../blob/index.ts';
import { FileLayerStore, LayerFiles, type LayerStore } from '../layer/index.ts';
import { parseReference } from '../oci/index.ts';
import type { Remote } from '../registry/index.ts';
import { openState, type State } from '../state/index.ts';
import { linuxAmd64 } from './crafted-image.fixture.ts';
import type { ImageStore } from './image-store.ts';
import { LocalImageStore } from './local-image-store.ts';
import { pullImage, type PulledImage, type PullEvent } from './pull-image.ts';

/** The stores below an image store, in a folder of their own: `using`. */
export interface TestStores extends Disposable {
  readonly root: string;
  readonly state: State;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  readonly holder: { add(): void };
  pull(remote: Remote, name?: string, options?: PullTestOptions): Promise<PulledImage>;
}

export interface PullTestOptions {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
}

export function testStores(): TestStores {
  const root = mkdtempSync(join(tmpdir(), 'varve-image-'));
  const state = openState(root);
  const layers = new FileLayerStore({ files: new LayerFiles(root), records: state.layers, clock: Date });
  const blobs = openBlobStore({ root });
  const images = new LocalImageStore({
    blobs,
    layers,
    documents: state.images,
    platform: linuxAmd64,
    durably: (body) => state.durably(body),
  });
  const holder = { add: () => undefined };
  return {
    root,
    state,
    blobs,
    layers,
    images,
    holder,
    pull: (remote, name = 'registry.test/image:1', options = {}) =>
      pullImage(
        remote,
        { blobs, layers, images, locks: state.locks },
        {
          name: parseReference(name),
          platform: linuxAmd64,
          holder,
          signal: options.signal ?? new AbortController().signal,
          onEvent: options.onEvent ?? (() => undefined),
        },
      ),
    [Symbol.dispose]: () => {
      state[Symbol.dispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
