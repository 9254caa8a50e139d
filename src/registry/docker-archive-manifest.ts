import { Fault } from '../errors/index.ts';
import {
  fieldsOf,
  listAt,
  maxManifestBytes,
  parseJsonObject,
  parseReference,
  required,
  textAt,
  textsAt,
  type Reference,
} from '../oci/index.ts';

/** An image as `manifest.json` of `docker save` describes it (moby image/spec v1.2). */
export interface DockerArchiveEntry {
  /** Path of the config in the archive, as it is written there. */
  readonly config: string;
  /** Paths of the layers, lowest first. */
  readonly layers: readonly string[];
  readonly names: readonly Reference[];
}

/** Reads `manifest.json`; `invalid` where it is not what Docker writes. */
export function parseDockerArchiveManifest(bytes: Uint8Array): readonly DockerArchiveEntry[] {
  try {
    if (bytes.length > maxManifestBytes) {
      throw new Fault('invalid', `${bytes.length} bytes are over the limit of ${maxManifestBytes}`);
    }
    // A list is read as the field of an object: what is outside a document is not told apart by the readers.
    const wrapped = Buffer.concat([Buffer.from('{"images":'), bytes, Buffer.from('}')]);
    return required(parseJsonObject(wrapped), 'images', (fields, name) => listAt(fields, name, entryFrom));
  } catch (error) {
    throw Fault.wrap('read manifest.json', error);
  }
}

function entryFrom(value: unknown, path: string): DockerArchiveEntry {
  const fields = fieldsOf(value, path);
  return {
    config: required(fields, 'Config', textAt),
    layers: textsAt(fields, 'Layers') ?? [],
    names: (textsAt(fields, 'RepoTags') ?? []).map(parseReference),
  };
}
