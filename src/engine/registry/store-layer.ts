import { Fault } from '../../errors/index.ts';
import type { LayerHolder } from '../../layer/index.ts';
import { toDigest, type ImageLayer } from '../../oci/index.ts';
import { decompress } from '../../std/index.ts';
import type { Store } from '../store.ts';

/**
 * Makes a layer of a blob that is here: inflated, hashed, indexed. A blob that is the layer's tar itself is kept as the
 * layer alone. Fault `corrupt`, `invalid` or `exhausted` where it is not the layer that the config names.
 */
export async function storeLayer(
  { blobs, layers, state, areas }: Pick<Store, 'blobs' | 'layers' | 'state' | 'areas'>,
  { descriptor, diffId }: ImageLayer,
  holder: LayerHolder,
): Promise<void> {
  const flight = {
    find: () => (layers.hold(diffId, holder) ? true : undefined),
    make: async () => {
      using writer = layers.writer({ holder });
      const blob = copied(blobs.chunks(descriptor.digest));
      for await (const chunk of decompress(blob, { maxRatio: maxInflation })) writer.write(chunk);
      writer.commit(diffId);
      return true as const;
    },
  };
  try {
    await state.locks.singleFlight(`layer ${diffId}`, flight);
  } catch (error) {
    throw Fault.wrap(`layer ${descriptor.digest}`, error);
  }
  if (descriptor.digest === toDigest(diffId) && blobs.delete(descriptor.digest)) areas.emptyTrash();
}

/** Files of zeros, the densest there is, shrink about a thousandfold. */
const maxInflation = 1100;

/** Inflating keeps its input for a while. */
async function* copied(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
