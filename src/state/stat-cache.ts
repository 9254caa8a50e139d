import type { FileStatus } from '../host/index.ts';
import { bytesFrom, toBuffer } from '../std/index.ts';
import type { ByteString, Clock } from '../std/index.ts';
import { bytesIn } from './database.ts';
import type { Database } from './database.ts';

/**
 * Remembers the sha256 of files that were read, by what the kernel says of them. It saves reading a file again and is
 * never part of a key: forgetting all of it changes nothing but the time that a build takes.
 *
 * A hash is given back only for the same device, inode, change time, modification time and size. A file that changed
 * within two seconds before it was looked at is not remembered: a later change in the same tick of the clock would
 * leave all of these as they are.
 */
export interface StatCache {
  /** What is remembered of the files in one directory. */
  directory(directory: FileIdentity): DirectoryHashes;
  /**
   * Remembers these files of the directory, and forgets what was remembered of it before. `scannedAtMs` is the time
   * before the first of them was looked at. For many directories call this within one transaction.
   */
  put(directory: FileIdentity, files: Iterable<HashedFile>, options: { readonly scannedAtMs: number }): void;
  /** Forgets what was put before this time, in milliseconds since 1970. */
  forgetBefore(timeMs: number): void;
}

export type FileIdentity = Pick<FileStatus, 'dev' | 'ino'>;
export type FileStamp = Pick<FileStatus, 'dev' | 'ino' | 'ctime' | 'mtime' | 'size'>;

export interface HashedFile {
  readonly status: FileStamp;
  /** The 32 bytes of the sha256 of the content. */
  readonly hash: ByteString;
}

export interface DirectoryHashes {
  /** The hash of the file with this status, undefined if it is not known. */
  hashOf(status: FileStamp): ByteString | undefined;
}

const settledAfterMs = 2000;
const hashBytes = 32;

/** One entry: inode u64, size f64, ctime and mtime seconds f64, their nanoseconds u32, hash. Little-endian. */
const entryBytes = 8 + 8 + 8 + 8 + 4 + 4 + hashBytes;

export function openStatCache(database: Database, clock: Clock): StatCache {
  return {
    directory: (directory) => {
      const row = database.get('SELECT entries FROM stat_cache WHERE directory = ?', keyOf(directory));
      return row === undefined ? nothing : readEntries(directory.dev, bytesIn(row, 'entries'));
    },
    put: (directory, files, options) => {
      const entries = packEntries(directory.dev, files, options.scannedAtMs - settledAfterMs);
      database.run(
        'INSERT OR REPLACE INTO stat_cache (directory, entries, written) VALUES (?, ?, ?)',
        keyOf(directory),
        entries,
        clock.now(),
      );
    },
    forgetBefore: (timeMs) => void database.run('DELETE FROM stat_cache WHERE written < ?', timeMs),
  };
}

const nothing: DirectoryHashes = { hashOf: () => undefined };

function keyOf(directory: FileIdentity): string {
  return `${directory.dev}:${directory.ino}`;
}

function readEntries(dev: number, bytes: Uint8Array): DirectoryHashes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const offsets = new Map<bigint, number>();
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) offsets.set(view.getBigUint64(at, true), at);
  return {
    hashOf: (status) => {
      const at = status.dev === dev ? offsets.get(status.ino) : undefined;
      if (at === undefined || !sameStamp(view, at, status)) return undefined;
      return bytesFrom(bytes, at + entryBytes - hashBytes, at + entryBytes);
    },
  };
}

function sameStamp(view: DataView, at: number, status: FileStamp): boolean {
  return (
    view.getFloat64(at + 8, true) === status.size &&
    view.getFloat64(at + 16, true) === status.ctime.sec &&
    view.getFloat64(at + 24, true) === status.mtime.sec &&
    view.getUint32(at + 32, true) === status.ctime.nsec &&
    view.getUint32(at + 36, true) === status.mtime.nsec
  );
}

function packEntries(dev: number, files: Iterable<HashedFile>, settledBeforeMs: number): Uint8Array {
  const kept: HashedFile[] = [];
  for (const file of files) if (file.status.dev === dev && isSettled(file.status, settledBeforeMs)) kept.push(file);
  const bytes = Buffer.alloc(kept.length * entryBytes);
  for (const [index, { status, hash }] of kept.entries()) {
    const at = index * entryBytes;
    bytes.writeBigUInt64LE(status.ino, at);
    bytes.writeDoubleLE(status.size, at + 8);
    bytes.writeDoubleLE(status.ctime.sec, at + 16);
    bytes.writeDoubleLE(status.mtime.sec, at + 24);
    bytes.writeUInt32LE(status.ctime.nsec, at + 32);
    bytes.writeUInt32LE(status.mtime.nsec, at + 36);
    toBuffer(hash).copy(bytes, at + entryBytes - hashBytes);
  }
  return bytes;
}

/** A modification time can be set to anything; the change time cannot, so it alone decides. */
function isSettled(status: FileStamp, beforeMs: number): boolean {
  return status.ctime.sec * 1000 + status.ctime.nsec / 1e6 < beforeMs;
}
