import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseDigest } from '../oci/index.ts';

/** Paths below `blobs/` of the store in `root` that are no blobs: their names are no digests. */
export function strayBlobFiles(root: string): readonly string[] {
  const blobs = join(root, 'blobs');
  return readdirSync(blobs, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !isBlobName(path.slice(blobs.length + 1)));
}

function isBlobName(path: string): boolean {
  try {
    return parseDigest(path.replace('/', ':')) !== undefined;
  } catch {
    return false;
  }
}
