import { setImmediate } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { LayerFiles, takeLayerInventory, verifyIndex } from '../layer/index.ts';
import { chainIds, type DiffId } from '../oci/index.ts';
import type { Checking } from './check-findings.ts';

export interface IndexCheckOptions {
  /** The chains that images and containers use; layers of the cache alone are looked at by themselves. */
  readonly chains: readonly (readonly DiffId[])[];
  /** Layers that are missing or damaged: what stands on them cannot be compared. */
  readonly unusable: ReadonlySet<DiffId>;
}

/** Makes the indexes of layers again and compares; a repair drops those that differ, and they are made when needed. */
export async function checkIndexes(checking: Checking, options: IndexCheckOptions): Promise<void> {
  const { store, signal } = checking;
  const files = new LayerFiles(store.root);
  for (const chain of chainsToCheck(checking, options)) {
    signal.throwIfAborted();
    checkIndex(checking, files, chain);
    await setImmediate();
  }
  const { tars, indexes } = takeLayerInventory(store.root);
  for (const { path, layers } of indexes) {
    if (layers.length > 0 && layers.every((diffId) => tars.has(diffId))) continue;
    if (checking.repair) files.discard(path);
    checking.findings.leftover(`${path}: the layer that it describes is not stored`, checking.repair);
  }
}

function chainsToCheck({ store }: Checking, { chains, unusable }: IndexCheckOptions): readonly (readonly DiffId[])[] {
  const usable = chains.map((chain) => chain.slice(0, firstOf(chain, unusable)));
  const prefixes = new Map<string, readonly DiffId[]>();
  for (const chain of usable) {
    for (const [position, id] of chainIds(chain).entries()) prefixes.set(id, chain.slice(0, position + 1));
  }
  const covered = new Set(usable.flat());
  const alone = store.layers
    .list()
    .flatMap(({ diffId }) => (covered.has(diffId) || unusable.has(diffId) ? [] : [[diffId]]));
  return [...[...prefixes.values()].toSorted((a, b) => a.length - b.length), ...alone];
}

function firstOf(chain: readonly DiffId[], unusable: ReadonlySet<DiffId>): number {
  const position = chain.findIndex((diffId) => unusable.has(diffId));
  return position < 0 ? chain.length : position;
}

function checkIndex({ store, findings, repair }: Checking, files: LayerFiles, chain: readonly DiffId[]): void {
  const diffId = chain.at(-1);
  try {
    const { kind, path } = verifyIndex(files, chain);
    if (kind !== 'damaged') return;
    if (repair) files.discard(path);
    if (repair) store.snapshotter.forget(chain);
    findings.error(`layer ${diffId}: its index ${path} is not what its tar says`, repair);
  } catch (error) {
    if (!Fault.is(error)) throw error;
    findings.error(`layer ${diffId}: ${error.message}`, false);
  }
}
