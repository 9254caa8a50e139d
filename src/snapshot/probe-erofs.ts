import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LayerIndexer } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import type { Mounts } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import { endOfArchive, formatHeader, scanTar } from '../tar/index.ts';

export interface ErofsProbe {
  readonly supported: boolean;
  /** Why, for people: `the kernel mounts layers from files of the store`. */
  readonly reason: string;
}

/**
 * Whether the kernel mounts layers from files in `folder` (which is made and removed again): tried with a layer of one
 * directory. EROFS takes plain files since Linux 6.12, on filesystems with an ordinary page cache.
 */
export function probeErofs(folder: string, mounts: Mounts): ErofsProbe {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    const paths = writeProbe(folder);
    mounts.erofs(paths).close();
    return { supported: true, reason: 'the kernel mounts layers from files of the store' };
  } catch (error) {
    if (!Fault.is(error)) throw error;
    return { supported: false, reason: error.message };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeProbe(folder: string): { readonly image: string; readonly devices: readonly string[] } {
  const tar = Buffer.concat([formatHeader(probeEntry), endOfArchive]);
  const indexer = new LayerIndexer();
  const source = { size: tar.length, read: (at: number, length: number) => tar.subarray(at, at + length) };
  scanTar(source, { entry: (entry, place) => void indexer.add(entry, place) });
  const chunks: Uint8Array[] = [];
  const layer = { tag: '0'.repeat(64), sizeBytes: tar.length, read: source.read };
  indexer.finish().write({ tar: layer }, (chunk) => chunks.push(Buffer.from(chunk)));
  const image = join(folder, 'probe.erofs');
  const device = join(folder, 'probe.tar');
  writeFileSync(image, Buffer.concat(chunks));
  writeFileSync(device, tar);
  return { image, devices: [device] };
}

const probeEntry = {
  path: bytesOf('directory'),
  type: 'dir',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { sec: 0, nsec: 0 },
  link: bytesOf(''),
  devMajor: 0,
  devMinor: 0,
  xattrs: new Map(),
} as const;
