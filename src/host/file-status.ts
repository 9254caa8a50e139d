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
  /** Its upper and lower 32 bits: to compare them makes no bigint. */
  readonly inoHigh: number;
  readonly inoLow: number;
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
  if (c.statx(dirfd, cString(name), atSymlinkNofollow, statxBasic, out) === 0) return new StatxStatus();
  const errno = c.errno();
  if (errno === enoent || errno === enotdir) return undefined;
  throw errnoFault(errno, 'stat', name);
}

/** The status of what a descriptor is open on, O_PATH ones included. */
export function statFd(fd: number): FileStatus {
  check(libc().statx(fd, cString(bytesOf('')), atEmptyPath, statxBasic, out), 'stat', bytesOf(`descriptor ${fd}`));
  return new StatxStatus();
}

const atSymlinkNofollow = 0x100;
const atEmptyPath = 0x1000;
const statxBasic = 0x7ff;
const attributeMountRoot = 0x2000;
const enoent = 2;
const enotdir = 20;

/** struct statx, linux/stat.h: where the kernel puts it, and the same memory in words. All machines of Node's are little-endian. */
const out = Buffer.alloc(256);
const words = new Uint32Array(out.buffer, out.byteOffset, out.length / 4);
const modes = new Uint16Array(out.buffer, out.byteOffset, out.length / 2);

const types: readonly (FileType | undefined)[] = typesByMode();

/** What statx(2) has just said. A walk makes one a file: it holds numbers, times and inode number are made when asked for. */
class StatxStatus implements FileStatus {
  readonly type: FileType = types[(modes[14] ?? 0) >>> 12] ?? 'file';
  readonly mode: number = (modes[14] ?? 0) & 0o7777;
  readonly uid: number = words[5] ?? 0;
  readonly gid: number = words[6] ?? 0;
  readonly size: number = (words[11] ?? 0) * 2 ** 32 + (words[10] ?? 0);
  readonly dev: number = (words[34] ?? 0) * 2 ** 20 + (words[35] ?? 0);
  readonly inoHigh: number = words[9] ?? 0;
  readonly inoLow: number = words[8] ?? 0;
  readonly nlink: number = words[4] ?? 0;
  readonly rdevMajor: number = words[32] ?? 0;
  readonly rdevMinor: number = words[33] ?? 0;
  readonly mountRoot: boolean = ((words[2] ?? 0) & attributeMountRoot) !== 0;
  readonly #mtimeSec: number = secondsAt(28);
  readonly #mtimeNsec: number = words[30] ?? 0;
  readonly #ctimeSec: number = secondsAt(24);
  readonly #ctimeNsec: number = words[26] ?? 0;

  get mtime(): Timestamp {
    return { sec: this.#mtimeSec, nsec: this.#mtimeNsec };
  }

  get ctime(): Timestamp {
    return { sec: this.#ctimeSec, nsec: this.#ctimeNsec };
  }

  get ino(): bigint {
    return (BigInt(this.inoHigh) << 32n) | BigInt(this.inoLow);
  }
}

function secondsAt(word: number): number {
  return ((words[word + 1] ?? 0) | 0) * 2 ** 32 + (words[word] ?? 0);
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
