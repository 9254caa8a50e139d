import type { ByteString, Timestamp } from '../std/index.ts';

/**
 * One member of a tar archive, the meaning of its headers taken together (ustar, GNU, PAX, V7; POSIX.1-2024 pax,
 * GNU tar manual "Basic Tar Format").
 *
 * Names are as the archive has them: not cleaned, not resolved, a directory's trailing slash kept off. Whoever applies
 * an entry decides what `..` or a leading slash mean.
 */
export interface TarEntry {
  /** Name in the archive, without trailing slashes; '' for a root entry written as `/`, '.' for `./`. */
  readonly path: ByteString;
  readonly type: TarType;
  /** Permission bits with setuid, setgid and sticky: 0…0o7777. */
  readonly mode: number;
  /** 0…2^32-1. */
  readonly uid: number;
  readonly gid: number;
  /** The file's length in bytes once restored (for a sparse file its full length); 0 unless `type` is file. */
  readonly size: number;
  readonly mtime: Timestamp;
  /** Target of a symlink, as stored; name of the first member for a hard link; '' otherwise. */
  readonly link: ByteString;
  /** Device numbers of char and block entries; 0 otherwise. */
  readonly devMajor: number;
  readonly devMinor: number;
  /** Extended attributes by full name (`user.x`, `security.capability`), values as bytes. Sorted by name. */
  readonly xattrs: ReadonlyMap<ByteString, ByteString>;
}

export type TarType = 'file' | 'link' | 'symlink' | 'dir' | 'char' | 'block' | 'fifo';

/** Where the content of a member lies in the archive. */
export interface TarPlace {
  /** Offset of the member's first header block (extension headers included), in bytes from the archive's start. */
  readonly headerOffset: number;
  /** Offset of the first content byte; always a multiple of 512. */
  readonly dataOffset: number;
  /** The file's bytes in the archive, without padding; differs from `size` only for sparse files. 0 for what is no file. */
  readonly storedSize: number;
  /** For a sparse file: its data segments in ascending order; all between them is zero. Undefined for others. */
  readonly segments: readonly SparseSegment[] | undefined;
}

/** `length` bytes at `dataOffset` in the archive are the bytes from `offset` on of the file. */
export interface SparseSegment {
  readonly offset: number;
  readonly length: number;
  readonly dataOffset: number;
}
