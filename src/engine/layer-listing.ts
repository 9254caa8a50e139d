import { layerChanges } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import type { StoredImage } from '../image/index.ts';
import type { LayerStore } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import { instructionsOf } from './image-history.ts';
import type { LayerPath, LayerRow } from './images.ts';

export function layerRows(image: StoredImage, layers: LayerStore): readonly LayerRow[] {
  const instructions = instructionsOf(image);
  return image.chain.map((diffId, index) => {
    const counts = { A: 0, M: 0, D: 0 };
    for (const { kind } of layerPaths(image.chain.slice(0, index + 1), layers)) counts[kind]++;
    return {
      number: index + 1,
      instruction: instructions[index] ?? '',
      diffId,
      sizeBytes: layers.stat(diffId)?.sizeBytes ?? 0,
      added: counts.A,
      modified: counts.M,
      deleted: counts.D,
    };
  });
}

/** What the top layer of the chain adds, modifies and deletes, by path. */
export function* layerPaths(chain: readonly DiffId[], layers: LayerStore): Iterable<LayerPath> {
  using top = layers.tree(chain);
  using below = layers.tree(chain.slice(0, -1));
  const image = top.images.at(-1);
  if (image === undefined) return;
  for (const { kind, path } of layerChanges(image, below.merged)) yield { kind: letters[kind], path };
}

const letters = { added: 'A', modified: 'M', deleted: 'D' } as const;

/** The number (from 1) of the layer that `text` names: a number, a diff ID, or the beginning of one. */
export function layerNamed(image: StoredImage, text: string): number {
  const number = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= image.chain.length) return number;
  const hex = text.replace(/^sha256:/, '');
  const found = image.chain.flatMap((diffId, index) => (diffId.startsWith(`sha256:${hex}`) ? [index + 1] : []));
  const [first, second] = found;
  if (first !== undefined && (second === undefined || hex.length === 64)) return first;
  const problem = first === undefined ? 'it has no such layer' : 'several layers begin with this';
  throw new Fault(first === undefined ? 'not-found' : 'invalid', `find layer ${text} of the image: ${problem}`, {
    hint: `its layers are 1 to ${image.chain.length}; 'varve layers IMAGE' lists them`,
  });
}
