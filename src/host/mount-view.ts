import { closeSync, openSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { errnoOf } from './errno.ts';
import { cString, check, libc } from './libc.ts';
import { linuxMounts } from './linux-mounts.ts';
import { openFlag } from './open-flags.ts';

/**
 * Runs `start`, which starts a process, where `targets` are empty folders: the process sees all that is mounted on the
 * machine but what is at these. What it writes there goes when it does. A place that is not there need not be hidden.
 *
 * The process has a mount namespace of its own, as after `unshare --mount`, without the programs that this would take:
 * for the moment of the start this thread is in that namespace, and back before the call returns, with its root and
 * its working directory. Other threads never leave; `start` must not wait. The process holds a copy of each mount as
 * long as it lives: unmounting here is not held up by that, but the file system below is in use until the mount's
 * folder is removed, which ends the copies, too.
 *
 * Fault `denied` without the capabilities that it takes; then nothing has changed. Should there be no way back, the
 * Fault is `internal` and says so: what this thread mounts from then on nobody else sees.
 */
export function withoutMounts<T>(targets: readonly string[], start: () => T): T {
  using origin = new Origin();
  check(libc().unshare(cloneNewNs), 'make', bytesOf('a mount namespace'));
  try {
    follow();
    for (const target of targets) hide(target);
    return start();
  } finally {
    origin.comeBack();
  }
}

/** What this thread sees, as descriptors. */
class Origin implements Disposable {
  readonly #namespace = openSync('/proc/thread-self/ns/mnt', 'r');
  readonly #root = openSync('/', openFlag.path);
  readonly #folder = openSync('.', openFlag.path);

  /** Going nowhere takes what coming back takes: it is tried once before the thread leaves. */
  constructor() {
    if (isWayBackKnown) return;
    try {
      check(libc().unshare(cloneFs), 'take apart', bytesOf('the working directories of threads'));
      this.#enter();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    isWayBackKnown = true;
  }

  comeBack(): void {
    try {
      this.#enter();
    } catch (error) {
      const cause = Fault.wrap('return to the mounts of the machine', error);
      throw new Fault('internal', `${cause.message}; this process has to end`, { cause });
    }
  }

  /** Entering a namespace makes its root the thread's: one that was somewhere else (chroot(2)) is put back. */
  #enter(): void {
    check(libc().setns(this.#namespace, cloneNewNs), 'enter', bytesOf('a mount namespace'));
    check(libc().fchdir(this.#root), 'enter', bytesOf('/'));
    check(libc().chroot(cString(bytesOf('.'))), 'make a folder the root', bytesOf('/'));
    check(libc().fchdir(this.#folder), 'enter', bytesOf('the working directory'));
  }

  [Symbol.dispose](): void {
    for (const fd of [this.#namespace, this.#root, this.#folder]) closeSync(fd);
  }
}

let isWayBackKnown = false;

/** What is unmounted on the machine goes from here, too, where mounts are shared; nothing that happens here reaches the machine. */
function follow(): void {
  const root = bytesOf('/');
  check(libc().mount(null, cString(root), null, msRecursive | msSlave, null), 'make a slave of', root);
}

/** Covered rather than unmounted: a program may write to the folder below the mount, which is the machine's. */
function hide(target: string): void {
  const { tmpfs, attach } = linuxMounts();
  using cover = tmpfs({ sizeBytes: coverBytes });
  try {
    attach(cover, target);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

const coverBytes = 1 << 20;

const cloneFs = 0x200;
const cloneNewNs = 0x2_0000;
const msRecursive = 1 << 14;
const msSlave = 1 << 19;
