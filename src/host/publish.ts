import { fsyncSync } from 'node:fs';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { faulting } from './errno.ts';
import { atFdcwd, cString, check, closeFd, libc } from './libc.ts';
import { openFlag } from './open-flags.ts';

/** Brings the file or directory at `path`, itself only, to disk. */
export function syncPath(path: string): void {
  withOpen(path, (fd, subject) => faulting('sync', subject, () => fsyncSync(fd)));
}

/** Brings all of the filesystem that holds `path` to disk. It may take long, and the thread waits. */
export function syncFileSystem(path: string): void {
  withOpen(path, (fd, subject) => check(libc().syncfs(fd), 'sync the filesystem of', subject));
}

/** Renames, failing with `already-exists` where the target is there: who comes first, wins. */
export function renameNew(from: string, to: string): void {
  const [source, target] = [bytesOf(from), bytesOf(to)];
  const result = libc().renameat2(atFdcwd, cString(source, 1), atFdcwd, cString(target), noReplace);
  check(result, 'rename', `${source} to ${target}` as ByteString);
}

const noReplace = 1;

function withOpen(path: string, use: (fd: number, subject: ByteString) => void): void {
  const subject = bytesOf(path);
  const fd = check(libc().openat(atFdcwd, cString(subject), openFlag.cloexec | openFlag.nonblock, 0), 'open', subject);
  try {
    use(fd, subject);
  } finally {
    closeFd(fd);
  }
}
