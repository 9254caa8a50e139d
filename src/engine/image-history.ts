import type { StoredImage } from '../image/index.ts';
import type { LayerStore } from '../layer/index.ts';
import type { HistoryRow } from './images.ts';

/** Newest first. Only the newest has an ID: the others are no images of their own. */
export function historyRows(image: StoredImage, layers: LayerStore): readonly HistoryRow[] {
  let next = 0;
  const rows = (image.config.history ?? []).map((entry): HistoryRow => {
    const diffId = entry.empty_layer === true ? undefined : image.chain[next++];
    return {
      id: '<missing>',
      created: entry.created ?? '',
      createdBy: entry.created_by ?? '',
      sizeBytes: diffId === undefined ? 0 : (layers.stat(diffId)?.sizeBytes ?? 0),
      comment: entry.comment ?? '',
    };
  });
  return rows.toReversed().map((row, index) => (index === 0 ? { ...row, id: image.imageId } : row));
}

/** What made each layer, lowest first: the history's instruction where there is one. */
export function instructionsOf(image: StoredImage): readonly string[] {
  const entries = (image.config.history ?? []).filter((entry) => entry.empty_layer !== true);
  return image.chain.map((_, index) => entries[index]?.created_by ?? '');
}
