import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ErofsImage } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { parseDiffId, type DiffId } from '../oci/index.ts';
import { FileReader } from './file-reader.ts';

/** What is found in the folder of the layers, whatever the records say. */
export interface LayerInventory {
  readonly tars: ReadonlyMap<DiffId, StoredFile>;
  readonly indexes: readonly StoredIndex[];
  /** Files that are neither, by their name. */
  readonly strays: readonly StoredFile[];
}

export interface StoredFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface StoredIndex extends StoredFile {
  /** The layer that it describes first, then those whose tars it points into; none where the file is damaged. */
  readonly layers: readonly DiffId[];
}

/** Looks at the folder of the layers below `root`, the store's. A file that disappears meanwhile is left out. */
export function takeLayerInventory(root: string): LayerInventory {
  const folder = join(root, 'layers', 'sha256');
  const files = readdirSync(folder).flatMap((name) => storedFile(folder, name) ?? []);
  const tars = files.filter(({ name }) => /^[0-9a-f]{64}\.tar$/.test(name));
  const indexes = files.filter(({ name }) => /^[0-9a-f]{64}(\.chain)?\.erofs$/.test(name));
  const known = new Set([...tars, ...indexes]);
  return {
    tars: new Map(tars.map((file) => [parseDiffId(`sha256:${file.name.slice(0, 64)}`), file])),
    indexes: indexes.map(({ path, sizeBytes }) => ({ path, sizeBytes, layers: layersOf(path) })),
    strays: files.filter((file) => !known.has(file)),
  };
}

function storedFile(folder: string, name: string): (StoredFile & { readonly name: string }) | undefined {
  const path = join(folder, name);
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined ? undefined : { name, path, sizeBytes: status.size };
}

/** The device table of an index names its tars, the layer's own first. */
function layersOf(path: string): readonly DiffId[] {
  try {
    using file = new FileReader(path);
    return ErofsImage.open(file.read).devices.map(({ tag }) => parseDiffId(`sha256:${tag}`));
  } catch (error) {
    if (Fault.is(error) || isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
