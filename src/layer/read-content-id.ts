import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../std/index.ts';
import { TarParser, type TarContent, type TarEntry } from '../tar/index.ts';
import { ContentIdHash, type ContentId } from './content-id.ts';
import { FileReader } from './file-reader.ts';
import type { TarFile } from './layer-store.ts';

/**
 * The content ID of a layer that was made elsewhere, read from its tar: for one that a `LayerPacker` wrote it is what its
 * `commit` gave, on whatever machine. Reads all of the tar, and lets others work in between.
 */
export async function readContentId(tar: TarFile, signal?: AbortSignal): Promise<ContentId> {
  using file = new FileReader(tar.path);
  const id = new ContentIdHash();
  const entry = (found: TarEntry): TarContent | undefined => {
    if (found.type === 'file') return hashed(found, id);
    id.add(found, '');
    return undefined;
  };
  const parser = new TarParser({ entry });
  for (const piece of file.pieces()) {
    throwIfAborted(signal, `read ${tar.path}`);
    parser.write(piece);
    await setImmediate();
  }
  parser.end();
  return id.digest();
}

function hashed(entry: TarEntry, id: ContentIdHash): TarContent {
  const hash = createHash('sha256');
  return {
    write: (chunk) => void hash.update(chunk),
    end: () => id.add(entry, hash.digest('hex')),
  };
}
