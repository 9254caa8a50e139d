import { strayBlobFiles } from '../blob/index.ts';
import { LayerFiles } from '../layer/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Checking } from './check-findings.ts';
import { hashFile } from './file-hash.ts';

/** Reads every blob again and gives those that are not what their names say; a repair drops them. */
export async function checkBlobs(checking: Checking): Promise<ReadonlySet<Digest>> {
  const { store, repair, findings, signal, advance } = checking;
  const damaged = new Set<Digest>();
  for (const { digest, path } of store.blobs.list()) {
    const actual = await hashFile(path, { like: digest, signal });
    advance();
    if (actual === undefined || actual === digest) continue;
    damaged.add(digest);
    if (repair) store.blobs.delete(digest);
    findings.error(`blob ${digest}: content hashes to ${actual}`, repair);
  }
  for (const path of strayBlobFiles(store.root)) {
    if (repair) new LayerFiles(store.root).discard(path);
    findings.leftover(`${path}: no blob has such a name`, repair);
  }
  return damaged;
}
