import type { WriteChunk } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import { formatHeader, paddingOf } from '../tar/index.ts';
import { pourBlob, type PouredBlob, type PourOptions } from './pour-blob.ts';

export interface BlobMember {
  readonly path: string;
  readonly blob: PouredBlob;
  readonly options: PourOptions;
}

/** Adds a blob as a file, and hashes it on the way: one that is not what its digest and size say is `corrupt`. */
export async function writeBlobMember({ path, blob, options }: BlobMember, write: WriteChunk): Promise<void> {
  await write(formatHeader(memberOf(path, 'file', blob.sizeBytes)));
  await pourBlob(blob, write, options);
  await write(new Uint8Array(paddingOf(blob.sizeBytes)));
}

export async function writeFileMember(path: string, bytes: Uint8Array, write: WriteChunk): Promise<void> {
  await write(formatHeader(memberOf(path, 'file', bytes.length)));
  await write(bytes);
  await write(new Uint8Array(paddingOf(bytes.length)));
}

export async function writeDirectoryMember(path: string, write: WriteChunk): Promise<void> {
  await write(formatHeader(memberOf(path, 'dir', 0)));
}

/** What the header of a member says: nothing of it depends on when or by whom it is written. */
function memberOf(path: string, type: 'file' | 'dir', size: number): TarEntry {
  return {
    path: bytesOf(path),
    type,
    mode: type === 'dir' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: { sec: 0, nsec: 0 },
    link: bytesOf(''),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  };
}
