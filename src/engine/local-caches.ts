import { Fault } from '../errors/index.ts';
import { xattrsOfFd, type Tree } from '../host/index.ts';
import { isKeptAttribute, type CacheMount, type CacheMountIdentity, type CacheMounts } from '../snapshot/index.ts';
import { bytesOf, decompress, throwIfAborted } from '../std/index.ts';
import { formatHeader, TarParser } from '../tar/index.ts';
import type { CacheExportOptions, CacheImportOptions, Caches, CacheSummary } from './caches.ts';
import { cacheSize } from './cache-size.ts';
import { exportTree } from './export-tree.ts';
import { TreeUnpacking } from './tree-unpacking.ts';

/** The cache mounts of one open store. */
export class LocalCaches implements Caches {
  readonly #mounts: CacheMounts;

  constructor(mounts: CacheMounts) {
    this.#mounts = mounts;
  }

  async list(): Promise<readonly CacheSummary[]> {
    return (await this.#mounts.list()).map(summaryOf);
  }

  async export(name: string, { write, signal }: CacheExportOptions): Promise<void> {
    const { key } = await this.#mounts.find(name);
    await this.#mounts.read(key, async (folder) => {
      await write(headerOfRoot(folder));
      for (const piece of exportTree(folder, () => false)) {
        throwIfAborted(signal, `export cache mount ${name}`);
        await write(piece);
      }
    });
  }

  async import(name: string, tar: AsyncIterable<Uint8Array>, { signal }: CacheImportOptions): Promise<CacheSummary> {
    const cache = (await this.#find(name)) ?? { id: name };
    const unpack = (folder: Tree): Promise<void> => unpackInto(folder, tar, signal);
    try {
      return summaryOf(await this.#mounts.replace(cache, unpack, signal));
    } catch (error) {
      throw Fault.wrap(`import cache mount ${name}`, error);
    }
  }

  async remove(name: string): Promise<CacheSummary> {
    const cache = await this.#mounts.find(name);
    const summary = summaryOf(cache);
    await this.#mounts.remove(cache.key);
    return summary;
  }

  async #find(name: string): Promise<CacheMountIdentity | undefined> {
    try {
      return await this.#mounts.find(name);
    } catch (error) {
      if (Fault.is(error, 'not-found')) return undefined;
      throw error;
    }
  }
}

function summaryOf(cache: CacheMount): CacheSummary {
  const { id, key, createdMs, usedMs, uses, isInUse, sharing, folders, uid, gid, mode } = cache;
  return {
    id,
    key,
    sizeBytes: cacheSize(cache),
    created: new Date(createdMs).toISOString(),
    lastUsed: uses === 0 ? undefined : new Date(usedMs).toISOString(),
    uses,
    isInUse,
    sharing,
    folderCount: folders.length,
    uid,
    gid,
    mode,
  };
}

function headerOfRoot(folder: Tree): Uint8Array {
  const status = folder.stat(bytesOf(''));
  if (status === undefined) throw new Fault('internal', `export ${folder.label}: the folder is not there`);
  const { mode, uid, gid, mtime } = status;
  const none = bytesOf('');
  const xattrs = new Map([...xattrsOfFd(folder.fd, none)].filter(([name]) => isKeptAttribute(name)));
  const plain = { type: 'dir', size: 0, link: none, devMajor: 0, devMinor: 0 } as const;
  return formatHeader({ ...plain, path: bytesOf('.'), mode, uid, gid, mtime, xattrs });
}

/** gzip comes to 1032 at most. */
const maxRatio = 1100;

async function unpackInto(folder: Tree, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  using unpacking = new TreeUnpacking(folder);
  const parser = new TarParser(unpacking);
  for await (const chunk of decompress(tar, { maxRatio })) {
    throwIfAborted(signal, 'unpack');
    parser.write(chunk);
  }
  parser.end();
  unpacking.finish();
}
