import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { errnoFault } from './errno.ts';
import { lstat, statFd } from './file-status.ts';
import { atFdcwd, cString, check, closeFd, libc } from './libc.ts';
import { openFlag } from './open-flags.ts';

/** Many may hold a lock `shared` at once, or one `exclusive`. */
export type LockMode = 'shared' | 'exclusive';

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** How long to wait at most; unlimited unless given. Then it is `conflict`. */
  readonly timeoutMs?: number;
}

/**
 * A lock on a file (flock), held until it is released or the process ends, however that ends: the kernel keeps it. It
 * belongs to this handle: a second lock on the same file in the same process is another one, and excludes it. Programs
 * that this process starts do not inherit it.
 */
export class Lock implements Disposable {
  readonly path: string;
  readonly mode: LockMode;
  #fd: number;

  constructor(path: string, mode: LockMode, fd: number) {
    this.path = path;
    this.mode = mode;
    this.#fd = fd;
  }

  /** Lets go. Further calls do nothing. */
  release(): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    this.#fd = -1;
  }

  /**
   * Deletes the lock's file and lets go. Only for an exclusive lock; who waits for it meanwhile notices and makes a new file.
   */
  remove(): void {
    if (this.mode !== 'exclusive' || this.#fd < 0)
      throw new Fault('internal', `remove lock ${this.path}: it is not held`);
    check(libc().unlinkat(atFdcwd, cString(bytesOf(this.path)), 0), 'remove lock', bytesOf(this.path));
    this.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** The lock on `path`, whose file is made (mode 0600) where it is missing; undefined where somebody else holds it. */
export function tryLock(path: string, mode: LockMode): Lock | undefined {
  const subject = bytesOf(path);
  for (;;) {
    const fd = check(libc().openat(atFdcwd, cString(subject), openLockFile, 0o600), 'open lock', subject);
    const outcome = lockOpened(fd, mode, path);
    if (outcome === 'locked') return new Lock(path, mode, fd);
    closeFd(fd);
    if (outcome === 'held') return undefined;
  }
}

/** As `tryLock`, but waits: it asks again and again, at most 50 ms apart, and holds no thread meanwhile. */
export async function lock(path: string, mode: LockMode, options: LockOptions = {}): Promise<Lock> {
  const { signal, timeoutMs = Infinity } = options;
  const start = performance.now();
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    if (signal?.aborted === true) throw cancelled(path, signal.reason);
    const got = tryLock(path, mode);
    if (got !== undefined) return got;
    const leftMs = timeoutMs - (performance.now() - start);
    if (leftMs <= 0) throw new Fault('conflict', `lock ${path}: somebody else has held it for ${timeoutMs} ms`);
    await pause(Math.min(pauseMs, leftMs), path, signal);
  }
}

/**
 * Whether somebody holds `path` exclusively: a living owner. It takes the lock shared for an instant, so that an exclusive
 * attempt at the same instant fails. A missing file is held by nobody.
 */
export function isLocked(path: string): boolean {
  const subject = bytesOf(path);
  const fd = libc().openat(atFdcwd, cString(subject), openFlag.cloexec | openFlag.nofollow, 0);
  if (fd < 0 && libc().errno() === enoent) return false;
  check(fd, 'open lock', subject);
  try {
    return !flockNow(fd, 'shared', path);
  } finally {
    closeFd(fd);
  }
}

const openLockFile = openFlag.readWrite | openFlag.create | openFlag.cloexec | openFlag.nofollow;
const lockShared = 1;
const lockExclusive = 2;
const lockNonblocking = 4;
const enoent = 2;
const ewouldblock = 11;

function lockOpened(fd: number, mode: LockMode, path: string): 'locked' | 'held' | 'deleted' {
  try {
    if (!flockNow(fd, mode, path)) return 'held';
    return isStillAt(fd, path) ? 'locked' : 'deleted';
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function flockNow(fd: number, mode: LockMode, path: string): boolean {
  const operation = (mode === 'shared' ? lockShared : lockExclusive) | lockNonblocking;
  if (libc().flock(fd, operation) === 0) return true;
  const errno = libc().errno();
  if (errno === ewouldblock) return false;
  throw errnoFault(errno, 'lock', bytesOf(path));
}

/** A holder may have deleted the file between our open and our lock: then we hold something that nobody else can find. */
function isStillAt(fd: number, path: string): boolean {
  const [held, there] = [statFd(fd), lstat(path)];
  return there !== undefined && there.ino === held.ino && there.dev === held.dev;
}

async function pause(milliseconds: number, path: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw cancelled(path, error);
  }
}

function cancelled(path: string, cause: unknown): Fault {
  return new Fault('cancelled', `lock ${path}: cancelled while waiting`, { cause });
}
