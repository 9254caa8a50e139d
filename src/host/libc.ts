import { createRequire } from 'node:module';
import { errnoFault } from './errno.ts';
import type { ByteString } from '../std/index.ts';

/**
 * The calls into the C library. This file is the only one that knows the foreign function interface, but for the one that
 * has libseccomp compile filters.
 *
 * Pointers are buffers. A call returns -1 on failure, its errno is then read by `check`, before any other call. The
 * library is loaded on first use: that takes some 13 ms, and most commands need no kernel call of their own.
 */
export interface Libc {
  errno(): number;
  close(fd: number): number;
  closeRange(first: number, last: number, flags: number): number;
  openat(dirfd: number, path: Uint8Array, flags: number, mode: number): number;
  /** openat2, as glibc 2.36 has no function for it. */
  openat2(dirfd: number, path: Uint8Array, how: Uint8Array, size: number): number;
  statx(dirfd: number, path: Uint8Array, flags: number, mask: number, out: Uint8Array): number;
  getdents64(fd: number, out: Uint8Array, size: number): number;
  readlinkat(dirfd: number, path: Uint8Array, out: Uint8Array, size: number): number;
  mkdirat(dirfd: number, path: Uint8Array, mode: number): number;
  mknodat(dirfd: number, path: Uint8Array, mode: number, device: bigint): number;
  symlinkat(target: Uint8Array, dirfd: number, path: Uint8Array): number;
  linkat(fromDirfd: number, from: Uint8Array, toDirfd: number, to: Uint8Array, flags: number): number;
  unlinkat(dirfd: number, path: Uint8Array, flags: number): number;
  renameat2(fromDirfd: number, from: Uint8Array, toDirfd: number, to: Uint8Array, flags: number): number;
  fchownat(dirfd: number, path: Uint8Array, uid: number, gid: number, flags: number): number;
  fchmodat(dirfd: number, path: Uint8Array, mode: number, flags: number): number;
  utimensat(dirfd: number, path: Uint8Array, times: Uint8Array, flags: number): number;
  llistxattr(path: Uint8Array, out: Uint8Array, size: number): number;
  lgetxattr(path: Uint8Array, name: Uint8Array, out: Uint8Array, size: number): number;
  lsetxattr(path: Uint8Array, name: Uint8Array, value: Uint8Array, size: number, flags: number): number;
  lremovexattr(path: Uint8Array, name: Uint8Array): number;
  listxattr(path: Uint8Array, out: Uint8Array, size: number): number;
  getxattr(path: Uint8Array, name: Uint8Array, out: Uint8Array, size: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  fallocate(fd: number, mode: number, offset: number, length: number): number;
  syncFileRange(fd: number, offset: number, length: number, flags: number): number;
  copyFileRange(
    from: number,
    fromOffset: Uint8Array,
    to: number,
    toOffset: Uint8Array,
    size: number,
    flags: number,
  ): number;
  flock(fd: number, operation: number): number;
  syncfs(fd: number): number;
  fsopen(type: string, flags: number): number;
  fsconfig(fd: number, command: number, key: string | null, value: Uint8Array | null, aux: number): number;
  fsmount(fd: number, flags: number, attributes: number): number;
  moveMount(fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array, flags: number): number;
  openTree(dirfd: number, path: Uint8Array, flags: number): number;
  mountSetattr(dirfd: number, path: Uint8Array, flags: number, attributes: Uint8Array, size: number): number;
  mount(source: null, target: Uint8Array, type: null, flags: number, data: null): number;
  umount2(path: Uint8Array, flags: number): number;
  unshare(flags: number): number;
  setns(fd: number, type: number): number;
  fchdir(fd: number): number;
  chroot(path: Uint8Array): number;
  pipe2(out: Uint8Array, flags: number): number;
  read(fd: number, out: Uint8Array, size: number): number;
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, size: number): number;
  recv(fd: number, out: Uint8Array, size: number, flags: number): number;
  send(fd: number, data: Uint8Array, size: number, flags: number): number;
  shutdown(fd: number, how: number): number;
  /** poll(2) in a thread of the pool; the callback has the result and, of a failure, only that it failed. */
  poll: {
    async(fds: Uint8Array, count: number, timeoutMs: number, done: (error: unknown, result: number) => void): void;
  };
}

/** The C library, loaded when it is first asked for. */
export function libc(): Libc {
  return (loaded ??= bind());
}

/** The result of a call if it succeeded; else throws the Fault of errno, naming `call` and its `subject`. */
export function check(result: number, call: string, subject: ByteString): number {
  if (result < 0) throw errnoFault(libc().errno(), call, subject);
  return result;
}

/**
 * `bytes` as a C string in one of three buffers that are used again and again: the result holds until the next call
 * with the same `slot`. A NUL inside or 4,096 bytes and more are refused, as the kernel would cut or refuse them.
 */
export function cString(bytes: ByteString, slot: 0 | 1 | 2 = 0): Uint8Array {
  if (bytes.length >= pathMax) throw errnoFault(36, 'use', `${bytes.slice(0, 80)}…` as ByteString);
  const buffer = slots[slot];
  // Names are short: a call of Buffer's would take longer than this.
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes.charCodeAt(at);
    if (byte === 0) throw errnoFault(22, 'use', bytes, 'a NUL inside a name');
    buffer[at] = byte;
  }
  buffer[bytes.length] = 0;
  return buffer;
}

/** Closes a descriptor. A failure to close what was only read or only named has nobody who could act on it. */
export function closeFd(fd: number): void {
  libc().close(fd);
}

/** The directory that relative paths start from; here only ever given with absolute paths. */
export const atFdcwd = -100;

const pathMax = 4096;
const slots = [Buffer.alloc(pathMax), Buffer.alloc(pathMax), Buffer.alloc(pathMax)] as const;
const openat2Number = 437;

let loaded: Libc | undefined;

function bind(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load(null);
  const bound: Record<string, unknown> = { errno: () => koffi.errno() };
  for (const [name, signature] of Object.entries(signatures)) bound[name] = library.func(signature);
  const syscall = library.func('long syscall(long, int, void *, void *, size_t)');
  bound['openat2'] = (dirfd: number, path: Uint8Array, how: Uint8Array, size: number): number =>
    syscall(openat2Number, dirfd, path, how, size);
  return bound as unknown as Libc;
}

const signatures: Readonly<Record<Exclude<keyof Libc, 'errno' | 'openat2'>, string>> = {
  close: 'int close(int)',
  closeRange: 'int close_range(uint, uint, int)',
  openat: 'int openat(int, void *, int, uint)',
  statx: 'int statx(int, void *, int, uint, void *)',
  getdents64: 'long getdents64(int, void *, size_t)',
  readlinkat: 'long readlinkat(int, void *, void *, size_t)',
  mkdirat: 'int mkdirat(int, void *, uint)',
  mknodat: 'int mknodat(int, void *, uint, uint64_t)',
  symlinkat: 'int symlinkat(void *, int, void *)',
  linkat: 'int linkat(int, void *, int, void *, int)',
  unlinkat: 'int unlinkat(int, void *, int)',
  renameat2: 'int renameat2(int, void *, int, void *, uint)',
  fchownat: 'int fchownat(int, void *, uint, uint, int)',
  fchmodat: 'int fchmodat(int, void *, uint, int)',
  utimensat: 'int utimensat(int, void *, void *, int)',
  llistxattr: 'long llistxattr(void *, void *, size_t)',
  lgetxattr: 'long lgetxattr(void *, void *, void *, size_t)',
  lsetxattr: 'int lsetxattr(void *, void *, void *, size_t, int)',
  lremovexattr: 'int lremovexattr(void *, void *)',
  listxattr: 'long listxattr(void *, void *, size_t)',
  getxattr: 'long getxattr(void *, void *, void *, size_t)',
  lseek: 'int64_t lseek(int, int64_t, int)',
  fallocate: 'int fallocate(int, int, int64_t, int64_t)',
  syncFileRange: 'int sync_file_range(int, int64_t, int64_t, unsigned int)',
  copyFileRange: 'long copy_file_range(int, void *, int, void *, size_t, uint)',
  flock: 'int flock(int, int)',
  syncfs: 'int syncfs(int)',
  fsopen: 'int fsopen(const char *, uint)',
  fsconfig: 'int fsconfig(int, uint, const char *, void *, int)',
  fsmount: 'int fsmount(int, uint, uint)',
  moveMount: 'int move_mount(int, void *, int, void *, uint)',
  openTree: 'int open_tree(int, void *, uint)',
  mountSetattr: 'int mount_setattr(int, void *, uint, void *, size_t)',
  mount: 'int mount(void *, void *, void *, ulong, void *)',
  umount2: 'int umount2(void *, int)',
  unshare: 'int unshare(int)',
  setns: 'int setns(int, int)',
  fchdir: 'int fchdir(int)',
  chroot: 'int chroot(void *)',
  pipe2: 'int pipe2(void *, int)',
  read: 'long read(int, void *, size_t)',
  socket: 'int socket(int, int, int)',
  connect: 'int connect(int, void *, uint)',
  recv: 'long recv(int, void *, size_t, int)',
  send: 'long send(int, void *, size_t, int)',
  shutdown: 'int shutdown(int, int)',
  poll: 'int poll(void *, ulong, int)',
};
