import { bytesOf } from '../std/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import { errnoFault } from './errno.ts';
import { atFdcwd, cString, check, libc } from './libc.ts';

export type FileType = 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';

/** What the kernel knows of a file, exact: times to the nanosecond, inode numbers in 64 bits. */
export interface FileStatus {
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 0…0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** In bytes; of a symlink the length of its target; of a directory whatever its filesystem says. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  /** The filesystem's device, major × 2^20 + minor: with `ino` it identifies a file. */
  readonly dev: number;
  /** A bigint, as overlayfs (xino) uses the topmost bits. */
  readonly ino: bigint;
  readonly nlink: number;
  /** The device that a char or block node stands for; 0 otherwise. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** True of the root directory of a mount. */
  readonly mountRoot: boolean;
}

/** The status of what `path` names, a symlink itself where it is one; undefined where there is nothing. */
export function lstat(path: string): FileStatus | undefined {
  return statAt(atFdcwd, bytesOf(path));
}

/** The status of the entry `name` of the directory `dirfd`, a symlink itself; undefined where there is none. */
export function statAt(dirfd: number, name: ByteString): FileStatus | undefined {
  const c = libc();
  if (c.statx(dirfd, cString(name), atSymlinkNofollow, statxBasic, out) === 0) return decode();
  const errno = c.errno();
  if (errno === enoent || errno === enotdir) return undefined;
  throw errnoFault(errno, 'stat', name);
}

/** The status of what a descriptor is open on, O_PATH ones included. */
export function statFd(fd: number): FileStatus {
  check(libc().statx(fd, cString(bytesOf('')), atEmptyPath, statxBasic, out), 'stat', bytesOf(`descriptor ${fd}`));
  return decode();
}

const atSymlinkNofollow = 0x100;
const atEmptyPath = 0x1000;
const statxBasic = 0x7ff;
const attributeMountRoot = 0x2000;
const enoent = 2;
const enotdir = 20;

const out = Buffer.alloc(256);
const view = new DataView(out.buffer, out.byteOffset, out.length);

const types: readonly (FileType | undefined)[] = typesByMode();

/** struct statx, linux/stat.h. */
function decode(): FileStatus {
  const mode = view.getUint16(28, true);
  return {
    type: types[mode >>> 12] ?? 'file',
    mode: mode & 0o7777,
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    size: view.getUint32(44, true) * 2 ** 32 + view.getUint32(40, true),
    mtime: timestampAt(112),
    ctime: timestampAt(96),
    dev: view.getUint32(136, true) * 2 ** 20 + view.getUint32(140, true),
    ino: view.getBigUint64(32, true),
    nlink: view.getUint32(16, true),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
    mountRoot: (view.getUint32(8, true) & attributeMountRoot) !== 0,
  };
}

function timestampAt(offset: number): Timestamp {
  const sec = view.getInt32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
  return { sec, nsec: view.getUint32(offset + 8, true) };
}

/** By the upper four bits of st_mode. */
function typesByMode(): readonly (FileType | undefined)[] {
  const table: (FileType | undefined)[] = Array.from({ length: 16 });
  table[0o01] = 'fifo';
  table[0o02] = 'char';
  table[0o04] = 'dir';
  table[0o06] = 'block';
  table[0o10] = 'file';
  table[0o12] = 'symlink';
  table[0o14] = 'socket';
  return table;
}
