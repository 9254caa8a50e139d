import type { WriteChunk } from '../host/index.ts';
import { algorithmOf, encodeJson, encodeLayoutMarker, imageLayout, layoutBlobPath } from '../oci/index.ts';
import { throwIfAborted } from '../std/index.ts';
import { endOfArchive } from '../tar/index.ts';
import { writeBlobMember, writeDirectoryMember, writeFileMember } from './archive-members.ts';
import { dockerArchiveEntry } from './docker-archive.ts';
import { layoutIndex, type LayoutContent, type LayoutImage } from './layout-content.ts';
import type { WaitOptions } from './remote.ts';

/**
 * Writes an OCI layout (image-spec image-layout.md) as a tar: equal content gives equal bytes. A `manifest.json` beside it
 * names the same blobs for Docker, which reads nothing else unless it keeps images in containerd.
 *
 * Blobs are hashed on the way: one that is not what its digest and size say is `corrupt`, and the archive is not
 * complete. Nothing larger than a chunk is held.
 */
export async function writeOciArchive(
  content: LayoutContent,
  write: WriteChunk,
  { signal }: WaitOptions = {},
): Promise<void> {
  await writeFileMember(imageLayout.marker, encodeLayoutMarker(), write);
  await writeFileMember(imageLayout.index, layoutIndex(content.images), write);
  const manifest = dockerManifest(content.images);
  if (manifest !== undefined) await writeFileMember('manifest.json', manifest, write);
  for (const [path, bytes] of content.files ?? []) await writeFileMember(path, bytes, write);
  const written = new Set<string>();
  for (const blob of content.blobs) {
    throwIfAborted(signal, 'write image archive');
    if (written.has(blob.digest)) continue;
    for (const directory of [imageLayout.blobs, `${imageLayout.blobs}/${algorithmOf(blob.digest)}`]) {
      if (!written.has(directory)) await writeDirectoryMember(directory, write);
      written.add(directory);
    }
    written.add(blob.digest);
    await writeBlobMember({ path: layoutBlobPath(blob.digest), blob, options: { signal } }, write);
  }
  await write(endOfArchive);
}

function dockerManifest(images: readonly LayoutImage[]): Uint8Array | undefined {
  const entries = images.flatMap(({ parts, names }) => {
    if (parts === undefined) return [];
    const { config, layers } = parts;
    return [dockerArchiveEntry({ config: layoutBlobPath(config), layers: layers.map(layoutBlobPath), names })];
  });
  return entries.length === 0 ? undefined : encodeJson(entries);
}
