import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders, nodeFault, writeWholeFile, type WriteChunk } from '../host/index.ts';
import { encodeLayoutMarker, imageLayout, layoutBlobPath } from '../oci/index.ts';
import { bytesOf, throwIfAborted } from '../std/index.ts';
import { layoutIndex, type LayoutContent } from './layout-content.ts';
import { pourBlob } from './pour-blob.ts';
import type { WaitOptions } from './remote.ts';

/**
 * Writes an OCI layout (image-spec image-layout.md) into a directory, which is made where it is missing. Blobs that are there
 * are kept, `index.json` is replaced at the end: until then whatever the directory was is what it is.
 *
 * Blobs are hashed on the way: one that is not what its digest and size say is `corrupt`. Files have no name before
 * they are complete.
 */
export async function writeOciDirectory(
  content: LayoutContent,
  directory: string,
  { signal }: WaitOptions = {},
): Promise<void> {
  try {
    for (const blob of content.blobs) {
      throwIfAborted(signal, 'write image layout');
      const path = join(directory, layoutBlobPath(blob.digest));
      const there = await stat(path).catch(() => undefined);
      if (there?.isFile() === true && there.size === blob.sizeBytes) continue;
      await writeWhole(path, (write) => pourBlob(blob, write, { signal }));
    }
    await writeWhole(join(directory, imageLayout.marker), (write) => write(encodeLayoutMarker()));
    await writeWhole(join(directory, imageLayout.index), (write) => write(layoutIndex(content.images)));
  } catch (error) {
    throw nodeFault('write image layout', bytesOf(directory), error);
  }
}

/** A file of a layout: it has no name before it is complete; the folders above it are made. */
export async function writeWhole(path: string, produce: (write: WriteChunk) => Promise<void>): Promise<void> {
  makeFolders(dirname(path));
  await writeWholeFile(path, produce);
}
