import { Fault } from '../errors/index.ts';
import { bytesOf, showBytes } from '../std/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import {
  mustOpenInside,
  openForNames,
  openInside,
  openPath,
  openPathDirectory,
  openPathNofollow,
} from './confined-open.ts';
import * as at from './directory-entry.ts';
import { errnoFault, faulting } from './errno.ts';
import { statAt, statFd } from './file-status.ts';
import type { FileStatus } from './file-status.ts';
import { atFdcwd, cString, check, closeFd, libc } from './libc.ts';
import { readFully, writeFully } from './file-content.ts';
import { openFlag } from './open-flags.ts';
import { mustSplitPath, splitPath } from './tree-path.ts';
import { removeTree } from './tree-remove.ts';
import { resolveInside } from './tree-resolve.ts';
import { walkTree } from './tree-walk.ts';
import type { WalkEntry, WalkOptions } from './tree-walk.ts';
import { removeXattrAt, setXattrAt, xattrsOfFd } from './xattrs.ts';
import type { Xattrs } from './xattrs.ts';

/**
 * A directory that nothing leads out of, however hostile what is in it and whoever changes it meanwhile.
 *
 * Paths are relative to the root (a leading slash changes nothing; '' is the root itself). The kernel resolves each at
 * the moment of use: symlinks on the way are followed as if the root were `/`, `..` stops at the root, links of /proc
 * are refused. The last name is never followed except where a method says so. A path that ends in `..` or names the root can
 * be looked at, not created, removed or renamed.
 *
 * Created things get exactly the mode that is asked for, whatever the umask. The order that a restore needs (create,
 * write, owner, attributes, mode, times) is the caller's. Methods throw Faults by the kernel's errno (`errnoOf`).
 * Descriptors that are given out are close-on-exec and the caller's to close (node:fs `closeSync`).
 */
export class Tree implements Disposable {
  readonly #root: number;
  /** For messages: the root as it was opened. */
  readonly label: string;

  private constructor(root: number, label: string) {
    this.#root = root;
    this.label = label;
  }

  /** The directory `root` on the host; its own path is followed as usual. */
  static open(root: string): Tree {
    const fd = libc().openat(atFdcwd, cString(bytesOf(root)), openPathDirectory, 0);
    return new Tree(check(fd, 'open directory', bytesOf(root)), root);
  }

  /** The directory `path` inside as a tree of its own, which has its own life. Symlinks are followed. */
  openTree(path: ByteString): Tree {
    return new Tree(mustOpenInside(this.#root, path, openPathDirectory), `${this.label}/${showBytes(path)}`);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  close(): void {
    closeFd(this.#root);
  }

  /** The root's own descriptor (O_PATH), valid until `close`. */
  get fd(): number {
    return this.#root;
  }

  /** What is at `path`, or undefined; with `follow` what the symlinks there lead to. */
  stat(path: ByteString, options: { readonly follow: boolean } = { follow: false }): FileStatus | undefined {
    if (options.follow || splitPath(path) === undefined) return this.#statWhole(path, options.follow);
    return this.#within(path, (place) => statAt(place.dirfd, place.name));
  }

  readlink(path: ByteString): ByteString {
    return this.#at(path, (place) => at.readlinkAt(place.dirfd, place.name, path));
  }

  /** The names in a directory, bytewise sorted. Symlinks to directories are followed. */
  list(path: ByteString): ByteString[] {
    const fd = mustOpenInside(this.#root, path, openForNames);
    return closing(fd, () => at.namesIn(fd, path));
  }

  /** Everything below the directory `path`, each directory before what is in it; see `walkTree`. */
  walk(path: ByteString, options: WalkOptions = {}): Generator<WalkEntry, void, undefined> {
    return walkTree(mustOpenInside(this.#root, path, openForNames), path, options);
  }

  /**
   * The path without any symlink on it, relative to the root, that `path` leads to. Names that are not there stay as
   * they are, so that it tells where a thing would be made. It is a fact of this moment, not a permission.
   */
  resolve(path: ByteString): ByteString {
    return resolveInside(this.#root, path);
  }

  /** Opens a regular file for reading; anything else is refused without having been opened. */
  openFile(path: ByteString, options: { readonly follow: boolean } = { follow: true }): number {
    const named = mustOpenInside(this.#root, path, options.follow ? openPath : openPathNofollow);
    return closing(named, () => {
      const { type } = statFd(named);
      if (type !== 'file') throw new Fault('invalid', `open ${showBytes(path)}: it is a ${type}, not a file`);
      const reopened = libc().openat(atFdcwd, cString(bytesOf(`/proc/self/fd/${named}`)), openFlag.cloexec, 0);
      return check(reopened, 'open', path);
    });
  }

  /** The content of a regular file, reached through symlinks; more than `maxBytes` is `exhausted`. */
  readFile(path: ByteString, options: { readonly maxBytes: number }): Buffer {
    const fd = this.openFile(path);
    return closing(fd, () => {
      const size = statFd(fd).size;
      const content = Buffer.alloc(Math.min(size, options.maxBytes) + 1);
      const length = faulting('read', path, () => readFully(fd, content));
      if (length > options.maxBytes) throw tooLarge(path, options.maxBytes);
      return length < content.length ? content.subarray(0, length) : this.#readGrown(path, options.maxBytes);
    });
  }

  /** The attributes of what is at `path`, of a symlink itself. */
  xattrs(path: ByteString): Xattrs {
    const fd = mustOpenInside(this.#root, path, openPathNofollow);
    return closing(fd, () => xattrsOfFd(fd, path));
  }

  mkdir(path: ByteString, mode = 0o755): void {
    this.#at(path, (place) => at.mkdirAt(place, mode));
  }

  /** Makes `path` and what is missing above it with `mode`; gives the paths that it made, outermost first. */
  mkdirAll(path: ByteString, mode = 0o755): ByteString[] {
    const made: ByteString[] = [];
    if (this.stat(path, { follow: true })?.type === 'dir') return made;
    let prefix = '';
    for (const name of path.split('/').filter((each) => each !== '' && each !== '.')) {
      prefix = prefix === '' ? name : `${prefix}/${name}`;
      const here = prefix as ByteString;
      const found = this.stat(here, { follow: true });
      if (found !== undefined && found.type !== 'dir') throw errnoFault(20, 'make directory', here);
      if (found !== undefined) continue;
      this.mkdir(here, mode);
      made.push(here);
    }
    return made;
  }

  symlink(path: ByteString, target: ByteString): void {
    this.#at(path, (place) => at.symlinkAt(place, target));
  }

  /** Gives what is at `existing` (a symlink itself) the further name `path`. */
  link(path: ByteString, existing: ByteString): void {
    this.#at(existing, (from) => this.#at(path, (to) => at.linkAt(from, to)));
  }

  mknod(path: ByteString, node: at.SpecialFile): void {
    this.#at(path, (place) => at.mknodAt(place, node));
  }

  /** Makes an empty file of mode 0600, which must not be there yet, and gives it open for writing and reading. */
  createFile(path: ByteString): number {
    return this.#at(path, (place) => at.createFileAt(place));
  }

  /** Makes a file of mode 0600, which must not be there yet, with this content. */
  writeFile(path: ByteString, content: Uint8Array | Iterable<Uint8Array>): void {
    const fd = this.createFile(path);
    const chunks = content instanceof Uint8Array ? [content] : content;
    closing(fd, () =>
      faulting('write', path, () => {
        for (const chunk of chunks) writeFully(fd, chunk);
      }),
    );
  }

  /** Renames within the tree; with `noReplace` an existing target is `already-exists`. */
  rename(from: ByteString, to: ByteString, options: { readonly noReplace: boolean } = { noReplace: false }): void {
    const flags = options.noReplace ? at.renameNoReplace : 0;
    this.#at(from, (source) => this.#at(to, (target) => at.renameAt(source, target, flags)));
  }

  setOwner(path: ByteString, uid: number, gid: number): void {
    this.#at(path, (place) => at.chownAt(place, uid, gid));
  }

  setMode(path: ByteString, mode: number): void {
    this.#at(path, (place) => at.chmodAt(place, mode));
  }

  setTimes(path: ByteString, mtime: Timestamp): void {
    this.#at(path, (place) => at.setTimesAt(place, mtime));
  }

  setXattr(path: ByteString, name: ByteString, value: ByteString): void {
    this.#at(path, (place) => setXattrAt(place.dirfd, place.name, name, value));
  }

  /** Takes an attribute away; one that is not set is `not-found`. */
  removeXattr(path: ByteString, name: ByteString): void {
    this.#at(path, (place) => removeXattrAt(place.dirfd, place.name, name));
  }

  /** Removes what is at `path` with all that is in it; nothing there is no failure. See `removeTree`. */
  remove(path: ByteString): void {
    this.#within(path, (place) => removeTree(place));
  }

  /** Runs `use` on the entry, its parent found now; a path that has no last name of its own is refused. */
  #at<T>(path: ByteString, use: (place: at.EntryPlace) => T): T {
    const { parent, name } = mustSplitPath(path);
    const dirfd = mustOpenInside(this.#root, parent, openPathDirectory);
    return closing(dirfd, () => use({ dirfd, name, subject: path }));
  }

  /** As `#at`, undefined where the parent is missing or is no directory. */
  #within<T>(path: ByteString, use: (place: at.EntryPlace) => T): T | undefined {
    const { parent, name } = mustSplitPath(path);
    const dirfd = openInside(this.#root, parent, openPathDirectory);
    if (dirfd === -enoent || dirfd === -enotdir) return undefined;
    if (dirfd < 0) throw errnoFault(-dirfd, 'open directory', parent);
    return closing(dirfd, () => use({ dirfd, name, subject: path }));
  }

  #statWhole(path: ByteString, follow: boolean): FileStatus | undefined {
    const fd = openInside(this.#root, path, follow ? openPath : openPathNofollow);
    if (fd >= 0) return closing(fd, () => statFd(fd));
    if (fd === -enoent || fd === -enotdir) return undefined;
    throw errnoFault(-fd, 'stat', path);
  }

  /** A file that grew while it was read, or whose size is not told beforehand (those of /proc). */
  #readGrown(path: ByteString, maxBytes: number): Buffer {
    const fd = this.openFile(path);
    return closing(fd, () => {
      const content = Buffer.alloc(maxBytes + 1);
      const length = faulting('read', path, () => readFully(fd, content));
      if (length > maxBytes) throw tooLarge(path, maxBytes);
      return content.subarray(0, length);
    });
  }
}

const enoent = 2;
const enotdir = 20;

function closing<T>(fd: number, use: () => T): T {
  try {
    return use();
  } finally {
    closeFd(fd);
  }
}

function tooLarge(path: ByteString, maxBytes: number): Fault {
  return new Fault('exhausted', `read ${showBytes(path)}: it has more than ${maxBytes} bytes`);
}
