import { Fault } from '../errors/index.ts';
import type { WriteChunk } from '../host/index.ts';
import { algorithmOf, createDigester } from '../oci/index.ts';
import { bytesOf, throwIfAborted } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import { formatHeader, paddingOf } from '../tar/index.ts';
import type { LayoutBlob } from './layout-content.ts';

export interface BlobMember {
  readonly path: string;
  readonly blob: LayoutBlob;
  readonly signal: AbortSignal | undefined;
}

/** Adds a blob as a file, and hashes it on the way: one that is not what its digest and size say is `corrupt`. */
export async function writeBlobMember({ path, blob, signal }: BlobMember, write: WriteChunk): Promise<void> {
  await write(formatHeader(memberOf(path, 'file', blob.sizeBytes)));
  await pourBlob(blob, write, signal);
  await write(new Uint8Array(paddingOf(blob.sizeBytes)));
}

/** All bytes of a blob, hashed: never more than its size says; `corrupt` at the end where they are not the blob's. */
export async function pourBlob(blob: LayoutBlob, write: WriteChunk, signal: AbortSignal | undefined): Promise<void> {
  const digester = createDigester(algorithmOf(blob.digest));
  let written = 0;
  for await (const chunk of blob.read()) {
    throwIfAborted(signal, 'write image archive');
    digester.update(chunk);
    written += chunk.length;
    if (written > blob.sizeBytes) break;
    await write(chunk);
  }
  if (written !== blob.sizeBytes || digester.digest() !== blob.digest) {
    throw new Fault('corrupt', `write image archive: blob ${blob.digest} is not what its digest and size say`);
  }
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
export function memberOf(path: string, type: 'file' | 'dir', size: number): TarEntry {
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
