import { basename, join } from 'node:path';
import type { LayerInventory } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import { diskUsage } from './disk-usage.ts';

/** What a layer takes of the disk: its tar, the indexes that describe it, and the folders that it was unpacked to. */
export function layerSizes(root: string, { tars, indexes }: LayerInventory): (diffId: DiffId) => number {
  const byLayer = Map.groupBy(indexes, ({ layers }) => layers[0]);
  return (diffId) => {
    const described = byLayer.get(diffId) ?? [];
    const unpacked = described.map(({ path }) => diskUsage(join(root, 'layers/unpacked', basename(path, '.erofs'))));
    const sizes = [tars.get(diffId)?.sizeBytes ?? 0, ...described.map(({ sizeBytes }) => sizeBytes), ...unpacked];
    return sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  };
}
