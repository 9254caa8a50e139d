import type { StoredImage } from '../image/index.ts';
import type { LayerHolder, PackedLayer } from '../layer/index.ts';
import { defined, parseReference, type ImageConfig } from '../oci/index.ts';
import type { OciRuntime } from '../runtime/index.ts';
import { packInSlices } from '../snapshot/index.ts';
import type { ContainerPlace, StoredContainer } from './container-directory.ts';
import type { ContainerRecord } from './container-record.ts';
import { hasWritableLayer, readStubs } from './container-setup.ts';
import type { CommitOptions } from './containers.ts';
import type { Store } from './store.ts';
import { StublessPacker, stubFilterFor } from './stub-filter.ts';

export interface CommitContext extends CommitOptions {
  readonly store: Store;
  readonly place: ContainerPlace;
  readonly isRunning: boolean;
}

/** Makes the container's writable layer a layer of a new image, whose config is the container's. */
export async function commitContainer(
  { id, record }: StoredContainer,
  options: CommitContext,
): Promise<{ readonly imageId: string }> {
  const { store, name, changes, isRunning, pause } = options;
  const names = name === undefined ? [] : [parseReference(name)];
  const { applyChanges } = await import('../build/index.ts');
  const changed = applyChanges(record.config, changes);
  using lease = store.state.leases.acquire({ purpose: `commit ${id.slice(0, 12)}` });
  lease.addAll(record.chain);
  const pack = (): Promise<PackedLayer> => packLayer(record, { ...options, holder: lease });
  const layer = await (isRunning && pause ? paused(store.runtimes.holding(id, record.runtime), id, pack) : pack());
  const base = store.images.list().find((image) => image.imageId === record.imageId);
  const author = options.author ?? changed.author;
  const config = committedConfig(record, {
    base,
    layer,
    config: changed.config,
    author,
    message: options.message,
    nowMs: store.clock.now(),
  });
  return { imageId: store.images.add(config, { names, holder: lease }).imageId };
}

async function paused<T>(runtime: OciRuntime | undefined, id: string, body: () => Promise<T>): Promise<T> {
  await runtime?.pause(id);
  try {
    return await body();
  } finally {
    await runtime?.resume(id);
  }
}

async function packLayer(
  { chain }: ContainerRecord,
  { store, place, holder, signal }: CommitContext & { readonly holder: LayerHolder },
): Promise<PackedLayer> {
  const { layers, snapshotter } = store;
  const { workDir } = place;
  const filter = stubFilterFor(readStubs(place), { layers, chain, workDir });
  using packer = new StublessPacker(layers.writer({ holder, below: chain }), filter);
  if (hasWritableLayer(place)) await packInSlices(snapshotter.pack(chain, workDir, packer), { signal });
  return packer.commit();
}

interface Committed {
  /** Undefined where the image is no longer here: then only its layers are known. */
  readonly base: StoredImage | undefined;
  readonly layer: PackedLayer;
  readonly config: ContainerRecord['config'];
  readonly author: string | undefined;
  readonly message: string | undefined;
  readonly nowMs: number;
}

function committedConfig(record: ContainerRecord, { base, layer, config, ...more }: Committed): ImageConfig {
  const { author, message, nowMs } = more;
  const created = new Date(nowMs).toISOString();
  const before = base?.config.history ?? record.chain.map(() => ({ created: record.created }));
  const step = defined({ created, author, created_by: record.command.join(' '), comment: message });
  return defined({
    created,
    author: author ?? base?.config.author,
    architecture: record.architecture,
    variant: base?.config.variant,
    os: 'linux',
    config,
    rootfs: { type: 'layers' as const, diff_ids: [...record.chain, layer.diffId] },
    history: [...before, step],
  });
}
