import type { FileStatus } from '../host/index.ts';
import type { ByteString, Clock } from '../std/index.ts';
import { bytesIn } from './database.ts';
import type { Database } from './database.ts';
import { HashEntries } from './hash-entries.ts';
import type { FileStamp, HashedFile } from './hash-entries.ts';

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
  /** Forgets what was put before this time, in milliseconds since 1970. */
  forgetBefore(timeMs: number): void;
}

export type FileIdentity = Pick<FileStatus, 'dev' | 'ino'>;
export interface DirectoryHashes {
  /** Files that are remembered. */
  readonly fileCount: number;
  /** The hash of the file with this status, undefined if it is not known. */
  hashOf(status: FileStamp): ByteString | undefined;
  /**
   * Remembers these files too, and forgets those that nobody has asked for. `scannedAtMs` is the time before the first of
   * them was looked at. For many directories call this within one transaction.
   */
  put(files: readonly HashedFile[], options: { readonly scannedAtMs: number }): void;
}

const settledAfterMs = 2000;

export function openStatCache(database: Database, clock: Clock): StatCache {
  return {
    directory: (directory) => {
      const key = `${directory.dev}:${directory.ino}`;
      const row = database.get('SELECT entries FROM stat_cache WHERE directory = ?', key);
      const entries = new HashEntries(row === undefined ? new Uint8Array(0) : bytesIn(row, 'entries'));
      return {
        fileCount: entries.count,
        hashOf: (status) => (status.dev === directory.dev ? entries.hashOf(status) : undefined),
        put: (files, { scannedAtMs }) => {
          const settled = files.filter(({ status }) => isSettled(status, scannedAtMs - settledAfterMs));
          const bytes = entries.asked(settled.filter(({ status }) => status.dev === directory.dev));
          const sql = 'INSERT OR REPLACE INTO stat_cache (directory, entries, written) VALUES (?, ?, ?)';
          database.run(sql, key, bytes, clock.now());
        },
      };
    },
    forgetBefore: (timeMs) => void database.run('DELETE FROM stat_cache WHERE written < ?', timeMs),
  };
}

/** A modification time can be set to anything; the change time cannot, so it alone decides. */
function isSettled(status: FileStamp, beforeMs: number): boolean {
  return status.ctime.sec * 1000 + status.ctime.nsec / 1e6 < beforeMs;
}
