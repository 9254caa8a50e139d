import { Fault } from '../errors/index.ts';
import { maxManifestBytes, parseDigest, parseManifest, type Descriptor } from '../oci/index.ts';
import type { LayoutBlob, Remote } from '../registry/index.ts';
import { readAll } from '../std/index.ts';
import type { LayerSources } from './layer-sources.ts';
import type { OutgoingImage, OutgoingIndex } from './outgoing-image.ts';
import { saveContent } from './save-images.ts';

export interface OutgoingRemote extends Remote {
  /** Of the image or index as it leaves. */
  readonly descriptor: Descriptor;
}

/**
 * An image or index of the store as a remote that has it under every tag: manifest, config and layers as `saveImages` writes
 * them, byte for byte as they came where they are here.
 */
export async function outgoingRemote(
  name: string,
  content: OutgoingImage | OutgoingIndex,
  sources: LayerSources,
): Promise<OutgoingRemote> {
  const { descriptor, blobs } = await saveContent(content, sources);
  const byDigest = new Map<string, LayoutBlob>(blobs.map((blob) => [blob.digest, blob]));
  const find = (digest: string): LayoutBlob => {
    const blob = byDigest.get(digest);
    if (blob === undefined) throw new Fault('not-found', `${name}: ${digest}: not found`);
    return blob;
  };
  return {
    name,
    descriptor,
    manifest: async (tagOrDigest) => {
      const { digest, read } = find(tagOrDigest.startsWith('sha') ? parseDigest(tagOrDigest) : descriptor.digest);
      const bytes = await readAll(read(0), maxManifestBytes);
      const manifest = parseManifest(bytes);
      return { mediaType: manifest.mediaType, digest, bytes, manifest };
    },
    blob: ({ digest }, { offsetBytes = 0 }) => find(digest).read(offsetBytes),
  };
}
