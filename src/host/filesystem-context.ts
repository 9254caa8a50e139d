import { bytesFrom, bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { openDetached } from './detached-mount.ts';
import { errnoFault } from './errno.ts';
import { cString, check, closeFd, libc } from './libc.ts';
import type { DetachedMount } from './mounts.ts';

/** A filesystem that is being configured (fsopen, fsconfig), up to its mount (fsmount). */
export class FilesystemContext implements Disposable {
  readonly #fd: number;
  readonly #type: string;
  readonly #subject: ByteString;

  /** `subject` says in messages which one it is. */
  constructor(type: string, subject: string) {
    this.#type = type;
    this.#subject = bytesOf(subject);
    this.#fd = check(libc().fsopen(type, closeOnExec), `open filesystem type ${type} for`, this.#subject);
  }

  set(key: string, value: string): void {
    this.#configure(command.setString, key, cString(bytesOf(value)), 0);
  }

  setFlag(key: string): void {
    this.#configure(command.setFlag, key, null, 0);
  }

  /**
   * Gives a directory by descriptor. A kernel that takes none for this key, or none that only names a directory (O_PATH,
   * before 6.14), gets the descriptor's path instead.
   */
  setDirectory(key: string, fd: number): void {
    if (libc().fsconfig(this.#fd, command.setDescriptor, key, null, fd) === 0) return;
    this.set(key, `/proc/self/fd/${fd}`);
  }

  /** Creates the filesystem and mounts it, detached, with these attributes (MOUNT_ATTR_*). */
  mount(attributes: number): DetachedMount {
    this.#configure(command.create, null, null, 0);
    const fd = libc().fsmount(this.#fd, closeOnExec, attributes);
    if (fd < 0) throw this.#fault(libc().errno(), '');
    return openDetached(fd);
  }

  [Symbol.dispose](): void {
    closeFd(this.#fd);
  }

  #configure(cmd: number, key: string | null, value: Uint8Array | null, aux: number): void {
    if (libc().fsconfig(this.#fd, cmd, key, value, aux) === 0) return;
    throw this.#fault(libc().errno(), key === null ? '' : ` option ${key}`);
  }

  #fault(errno: number, option: string): Error {
    return errnoFault(errno, `mount ${this.#type}${option}`, this.#subject, this.#log().join('; '));
  }

  /** What the kernel says about this context: one message a read, each with `e `, `w ` or `i ` before it. */
  #log(): string[] {
    const lines: string[] = [];
    while (lines.length < maxLogLines) {
      const length = libc().read(this.#fd, logBuffer, logBuffer.length);
      if (length <= 0) break;
      lines.push(
        bytesFrom(logBuffer, 0, length)
          .replace(/^[ewi] /, '')
          .trim(),
      );
    }
    return lines;
  }
}

const closeOnExec = 1;
const command = { setFlag: 0, setString: 1, setDescriptor: 5, create: 6 } as const;
const maxLogLines = 16;
const logBuffer = Buffer.alloc(1024);
