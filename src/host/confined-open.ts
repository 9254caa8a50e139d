import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { errnoFault } from './errno.ts';
import { cString, libc } from './libc.ts';
import { openFlag } from './open-flags.ts';

/**
 * Opens `path` below the directory `root` with the kernel itself keeping the way inside: an absolute path or symlink
 * starts at `root`, `..` stops there, and links of /proc lead nowhere (openat2(2), RESOLVE_IN_ROOT). `path` is looked
 * up now; nothing that was checked before is relied on. Gives the descriptor, or minus the errno.
 */
export function openInside(root: number, path: ByteString, flags: number): number {
  const c = libc();
  how.writeUInt32LE(flags >>> 0, 0);
  const name = path === '' ? dot : path;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const fd = c.openat2(root, cString(name), how, how.length);
    if (fd >= 0) return fd;
    const errno = c.errno();
    if (errno !== eagain) return -errno;
  }
  return -eagain;
}

/** As `openInside`, with the Fault thrown. */
export function mustOpenInside(root: number, path: ByteString, flags: number): number {
  const fd = openInside(root, path, flags);
  if (fd < 0) throw errnoFault(-fd, 'open', path);
  return fd;
}

export const openPath = openFlag.path | openFlag.cloexec;
export const openPathNofollow = openPath | openFlag.nofollow;
export const openPathDirectory = openPath | openFlag.directory;
/** A directory, for reading its names. */
export const openForNames = openFlag.directory | openFlag.cloexec;

/** struct open_how: flags, mode, resolve. */
const how = Buffer.alloc(24);
const resolveNoMagiclinks = 0x02;
const resolveInRoot = 0x10;
how.writeUInt32LE(resolveNoMagiclinks | resolveInRoot, 16);

/** The kernel gives EAGAIN where a rename anywhere met the look-up of a `..`: it could not tell whether it stayed inside. */
const maxAttempts = 128;
const eagain = 11;
const dot = bytesOf('.');
