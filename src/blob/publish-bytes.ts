import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { faulting, tryLock } from '../host/index.ts';
import type { Digest } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { anonymousIngestName } from './blob-files.ts';
import type { BlobFiles } from './blob-files.ts';

/** Writes content whose digest was checked, and gives it its name once it is on the disk. */
export function publishBytes(files: BlobFiles, digest: Digest, bytes: Uint8Array): void {
  const temporary = files.ingest(anonymousIngestName());
  const lock = tryLock(temporary, 'exclusive');
  if (lock === undefined) throw new Fault('unavailable', `store blob ${digest}: ${temporary} is locked`);
  try {
    faulting('write', bytesOf(temporary), () => {
      writeDurably(temporary, bytes);
      renameSync(temporary, files.blob(digest));
    });
  } catch (error) {
    lock.remove();
    throw error;
  }
  lock.release();
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  try {
    writeFileSync(fd, bytes);
    fchmodSync(fd, 0o400);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
