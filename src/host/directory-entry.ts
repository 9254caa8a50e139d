import { bytesFrom } from '../std/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import { statFd } from './file-status.ts';
import { errnoFault, errnoOf } from './errno.ts';
import { cString, check, closeFd, libc } from './libc.ts';
import { openFlag } from './open-flags.ts';

/**
 * Calls on one entry of an open directory: `name` is a single name, so nothing on the way can be a symlink, and the
 * entry itself is never followed. In a failure's message stands `subject`, the path as its caller knows it.
 */
export interface EntryPlace {
  readonly dirfd: number;
  readonly name: ByteString;
  readonly subject: ByteString;
}

/**
 * The names in an open directory, without `.` and `..`, in bytewise order; none where the directory has been removed since
 * it was opened (POSIX readdir). The descriptor is at its end afterwards.
 */
export function namesIn(fd: number, subject: ByteString): ByteString[] {
  const names: ByteString[] = [];
  for (;;) {
    const length = readEntries(fd, subject);
    if (length === 0) return names.toSorted();
    appendNames(names, length);
  }
}

/** Opens a directory entry that must be a directory, for reading its names. */
export function openDirectoryAt(dirfd: number, name: ByteString, subject: ByteString): number {
  return check(libc().openat(dirfd, cString(name), openDirectory, 0), 'open directory', subject);
}

/**
 * Opens for reading what was just seen to be a regular file. A file that has been swapped for something else is refused:
 * a FIFO without waiting for its writer, a symlink without following it.
 */
export function openFileAt(dirfd: number, name: ByteString, subject: ByteString): number {
  const fd = check(libc().openat(dirfd, cString(name), openRegular, 0), 'open', subject);
  if (statFd(fd).type === 'file') return fd;
  closeFd(fd);
  throw errnoFault(22, 'open', subject, 'it is not a regular file');
}

/** Makes an empty regular file of mode 0600 that must not be there yet, open for writing and reading. */
export function createFileAt(place: EntryPlace): number {
  return check(libc().openat(place.dirfd, cString(place.name), createExclusive, 0o600), 'create', place.subject);
}

export function readlinkAt(dirfd: number, name: ByteString, subject: ByteString): ByteString {
  const length = libc().readlinkat(dirfd, cString(name), linkBuffer, linkBuffer.length);
  return bytesFrom(linkBuffer, 0, check(length, 'read link', subject));
}

/** Makes a directory with exactly this mode, whatever the umask. */
export function mkdirAt(place: EntryPlace, mode: number): void {
  check(libc().mkdirat(place.dirfd, cString(place.name), mode & 0o777), 'make directory', place.subject);
  chmodAt(place, mode);
}

/** Makes a FIFO or a device node of mode 0600. */
export function mknodAt(place: EntryPlace, node: SpecialFile): void {
  const type = { fifo: 0o010000, char: 0o020000, block: 0o060000 }[node.type];
  const device = node.type === 'fifo' ? 0n : deviceNumber(node.major, node.minor);
  check(libc().mknodat(place.dirfd, cString(place.name), type | 0o600, device), 'make node', place.subject);
}

export type SpecialFile =
  | { readonly type: 'fifo' }
  | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number };

export function symlinkAt(place: EntryPlace, target: ByteString): void {
  check(libc().symlinkat(cString(target, 1), place.dirfd, cString(place.name)), 'make symlink', place.subject);
}

/** Gives the file `from` (a symlink itself where it is one) the further name `to`. */
export function linkAt(from: EntryPlace, to: EntryPlace): void {
  const result = libc().linkat(from.dirfd, cString(from.name, 1), to.dirfd, cString(to.name), 0);
  check(result, 'link', to.subject);
}

export function renameAt(from: EntryPlace, to: EntryPlace, flags: number): void {
  const result = libc().renameat2(from.dirfd, cString(from.name, 1), to.dirfd, cString(to.name), flags);
  check(result, 'rename', `${from.subject} to ${to.subject}` as ByteString);
}

export function unlinkAt(place: EntryPlace): void {
  check(libc().unlinkat(place.dirfd, cString(place.name), 0), 'remove', place.subject);
}

export function rmdirAt(place: EntryPlace): void {
  check(libc().unlinkat(place.dirfd, cString(place.name), removeDirectory), 'remove directory', place.subject);
}

export function chownAt(place: EntryPlace, uid: number, gid: number): void {
  check(libc().fchownat(place.dirfd, cString(place.name), uid, gid, noFollow), 'change owner of', place.subject);
}

/** Sets the mode; of a symlink it cannot be set, which is a Fault `unsupported`. */
export function chmodAt(place: EntryPlace, mode: number): void {
  check(libc().fchmodat(place.dirfd, cString(place.name), mode & 0o7777, noFollow), 'change mode of', place.subject);
}

/** Sets the time of modification, to the nanosecond and before 1970 too; the time of access is set to the same. */
export function setTimesAt(place: EntryPlace, mtime: Timestamp): void {
  for (const offset of [0, 16]) {
    timesBuffer.writeInt32LE(Math.floor(mtime.sec / 2 ** 32), offset + 4);
    timesBuffer.writeUInt32LE(mtime.sec >>> 0, offset);
    timesBuffer.writeUInt32LE(mtime.nsec, offset + 8);
  }
  check(libc().utimensat(place.dirfd, cString(place.name), timesBuffer, noFollow), 'set times of', place.subject);
}

/** Fails rather than replace what has the new name. */
export const renameNoReplace = 1;

const openDirectory = openFlag.directory | openFlag.nofollow | openFlag.cloexec;
const openRegular = openFlag.nofollow | openFlag.nonblock | openFlag.noctty | openFlag.cloexec;
const createExclusive =
  openFlag.readWrite | openFlag.create | openFlag.exclusive | openFlag.nofollow | openFlag.cloexec;
const noFollow = 0x100;
const removeDirectory = 0x200;

const direntBuffer = Buffer.alloc(64 * 1024);
const linkBuffer = Buffer.alloc(4096);
const timesBuffer = Buffer.alloc(32);

/** Fills `direntBuffer`. The kernel answers ENOENT for a directory that has lost its last name: that is its end. */
function readEntries(fd: number, subject: ByteString): number {
  try {
    return check(libc().getdents64(fd, direntBuffer, direntBuffer.length), 'read directory', subject);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** struct linux_dirent64: d_reclen at 16, d_name from 19 on, NUL-terminated. */
function appendNames(names: ByteString[], length: number): void {
  for (let at = 0; at < length; at += direntBuffer.readUInt16LE(at + 16)) {
    const start = at + 19;
    const name = bytesFrom(direntBuffer, start, direntBuffer.indexOf(0, start));
    if (name !== '.' && name !== '..') names.push(name);
  }
}

/** dev_t of glibc and musl: the low bits of both numbers stay where sixteen-bit device numbers had them. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}
