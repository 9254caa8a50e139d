import { isForeignLayerType, toDigest, type Digest, type DiffId } from '../oci/index.ts';
import type { Checking } from './check-findings.ts';
import { ManifestReader, referredTo } from './registry/manifest-reader.ts';
import { storedFile } from './registry/stored-blob.ts';

export interface DamagedContent {
  readonly blobs: ReadonlySet<Digest>;
  readonly layers: ReadonlySet<DiffId>;
}

/**
 * Checks that all of each pushed manifest is here: the manifests below it and every blob, as a blob or as the tar of a
 * layer. A repair drops those that miss something: whoever has them can push them again.
 */
export function checkManifests(checking: Checking, damaged: DamagedContent): void {
  const { store, repair, findings } = checking;
  for (const { id, body } of store.state.manifests.list()) {
    const missing = missingPart(checking, body.manifest as Digest, damaged);
    if (missing === undefined) continue;
    if (repair) store.state.manifests.remove(id);
    const consequence = repair ? 'it is dropped: push it again' : 'it cannot be pulled: push it again';
    findings.error(`manifest ${id}: ${missing} is missing or damaged; ${consequence}`, repair);
  }
}

function missingPart({ store }: Checking, digest: Digest, { blobs, layers }: DamagedContent): Digest | undefined {
  const reader = new ManifestReader(store.blobs);
  const tars = new Set([...layers].map(toDigest));
  const isWhole = (each: Digest): boolean =>
    !blobs.has(each) && !tars.has(each) && storedFile(store, each) !== undefined;
  for (const member of reader.manifests(digest)) {
    const manifest = blobs.has(member) ? undefined : reader.read(member)?.manifest;
    if (manifest === undefined) return member;
    const own = referredTo(manifest).filter(({ mediaType }) => !isForeignLayerType(mediaType));
    const missing = own.find((each) => !isWhole(each.digest));
    if (missing !== undefined) return missing.digest;
  }
  return undefined;
}
