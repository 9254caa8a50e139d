import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { lock, makeFolders, tryLock, type Lock } from '../host/index.ts';
import { imageLayout, layoutBlobPath } from '../oci/index.ts';
import { openDirectoryTarget, openLayoutDirectory, writeOciDirectory } from '../registry/index.ts';
import { cacheArtifact } from './cache-artifact.ts';
import { pushCache, type CacheContent, type WriteCacheOptions } from './write-cache-artifact.ts';

/**
 * Caches in a folder: an OCI layout, in which each tag is one.
 *
 * Whoever writes locks `index.json.lock` (BuildKit does so too): one at a time. Whoever reads holds the layout's marker, so that nobody deletes what it may
 * still ask for. Both are locks of the kernel, which a killed process leaves to nobody.
 */
const writersLock = 'index.json.lock';

/** Keeps all that the caches in the folder name, until it is let go. Undefined where there is none, or no lock can be had. */
export function holdCacheFolder(folder: string): Lock | undefined {
  const marker = join(folder, imageLayout.marker);
  if (!existsSync(marker)) return undefined;
  try {
    return tryLock(marker, 'shared');
  } catch (error) {
    if (Fault.is(error)) return undefined;
    throw error;
  }
}

/**
 * Writes a cache under a tag of the folder, which is made where it is missing; what is there under other tags stays. Then
 * what no cache in the folder names any more is deleted: unless somebody is reading there, which leaves it to the next
 * one, or the folder holds something else than caches, too.
 */
export async function writeCacheFolder(
  folder: string,
  content: CacheContent,
  options: WriteCacheOptions & { readonly tag: string },
): Promise<void> {
  const { signal } = options;
  makeFolders(folder);
  const writing = await lock(join(folder, writersLock), 'exclusive', { signal });
  try {
    if (!existsSync(join(folder, imageLayout.index))) await writeOciDirectory({ images: [], blobs: [] }, folder);
    await using target = await openDirectoryTarget(folder);
    await pushCache(target, content, options);
    await sweep(folder, signal);
  } finally {
    writing.remove();
  }
}

async function sweep(folder: string, signal: AbortSignal): Promise<void> {
  using reading = tryLock(join(folder, imageLayout.marker), 'exclusive');
  const named = reading === undefined ? undefined : await namedFiles(folder, signal);
  if (named === undefined) return;
  for (const algorithm of await readdir(join(folder, 'blobs'))) {
    for (const name of await readdir(join(folder, 'blobs', algorithm))) {
      const path = `blobs/${algorithm}/${name}`;
      if (!named.has(path) && blobOrUnfinished.test(name)) await rm(join(folder, path), { force: true });
    }
  }
}

/** Where a writer was killed, a blob that has no name of its own yet is left. */
const blobOrUnfinished = /^(?:[0-9a-f]{64,128}|\.[0-9a-f]{64,128}\.[0-9a-f]{8})$/;

/** The files of all caches; undefined where it is not known what all is for. */
async function namedFiles(folder: string, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
  const layout = await openLayoutDirectory(folder);
  const files = new Set<string>();
  for (const { digest } of layout.entries) {
    try {
      const { manifest } = await layout.manifest(digest, { signal });
      if (manifest.kind !== 'image' || manifest.artifactType !== cacheArtifact.type) return undefined;
      for (const each of [{ digest }, manifest.config, ...manifest.layers]) files.add(layoutBlobPath(each.digest));
    } catch (error) {
      if (Fault.is(error) && error.code !== 'cancelled') return undefined;
      throw error;
    }
  }
  return files;
}
