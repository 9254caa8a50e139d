import { Fault } from '../errors/index.ts';
import {
  encodeJson,
  fieldsOf,
  listAt,
  parseDiffId,
  parseJsonObject,
  required,
  textAt,
  textsAt,
  type DiffId,
} from '../oci/index.ts';

/** A layer that an archive was saved without, because whoever loads it has it. */
export interface OmittedLayer {
  readonly diffId: DiffId;
  /** Full names of images that have it. */
  readonly images: readonly string[];
}

/** The member of an archive that lists them. Other programs pass over it. */
export const omittedLayersFile = 'omitted-layers.json';

export function encodeOmittedLayers(layers: readonly OmittedLayer[]): Uint8Array {
  return encodeJson({ layers: layers.map(({ diffId, images }) => ({ diffId, images })) });
}

/** By diff ID; none where the archive does not say. `invalid` where it is not what `encodeOmittedLayers` writes. */
export function omittedLayers(bytes: Uint8Array | undefined): ReadonlyMap<DiffId, OmittedLayer> {
  if (bytes === undefined) return new Map();
  try {
    const layers = required(parseJsonObject(bytes), 'layers', (fields, name) => listAt(fields, name, layerFrom));
    return new Map(layers.map((layer) => [layer.diffId, layer]));
  } catch (error) {
    throw Fault.wrap(`read ${omittedLayersFile}`, error);
  }
}

function layerFrom(value: unknown, path: string): OmittedLayer {
  const fields = fieldsOf(value, path);
  return { diffId: parseDiffId(required(fields, 'diffId', textAt)), images: textsAt(fields, 'images') ?? [] };
}
