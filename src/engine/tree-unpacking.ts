import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { faulting, setRootStatus, type Tree } from '../host/index.ts';
import { isKeptAttribute } from '../snapshot/index.ts';
import { showBytes, type ByteString, type Timestamp } from '../std/index.ts';
import type { TarContent, TarEntry, TarSink } from '../tar/index.ts';

/**
 * Unpacks an archive into a tree, and nowhere else: `..` in a name ends at the root, symlinks on the way are followed
 * inside the tree, as the kernel resolves each name when it is used. A member replaces what is in its place, only
 * directories merge. The archive's own root gives the tree's root its owner, mode, time and attributes.
 *
 * `finish` is to be called after the last member: what is put into a directory changes its time. Disposing of it closes
 * what is open, also where the archive was cut off.
 */
export class TreeUnpacking implements TarSink, Disposable {
  readonly #tree: Tree;
  readonly #directoryTimes = new Map<ByteString, Timestamp>();
  #root: TarEntry | undefined;
  #lastParent: ByteString | undefined;
  #open: number | undefined;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  entry(entry: TarEntry): TarContent | undefined {
    try {
      return this.#entry(entry);
    } catch (error) {
      throw Fault.wrap(`unpack ${showBytes(entry.path)}`, error);
    }
  }

  finish(): void {
    for (const [path, mtime] of [...this.#directoryTimes].toReversed()) {
      if (this.#tree.stat(path)?.type === 'dir') this.#tree.setTimes(path, mtime);
    }
    if (this.#root === undefined) return;
    const kept = [...this.#root.xattrs].filter(([name]) => isKeptAttribute(name));
    setRootStatus(this.#tree, { ...this.#root, xattrs: new Map(kept) });
  }

  [Symbol.dispose](): void {
    if (this.#open !== undefined) closeSync(this.#open);
    this.#open = undefined;
  }

  #entry(entry: TarEntry): TarContent | undefined {
    const path = cleaned(entry.path);
    if (path === '') return this.#takeRoot(entry);
    this.#makeParent(path);
    if (entry.type === 'link') return this.#link(path, entry);
    this.#clear(path, entry.type);
    if (entry.type === 'file') return this.#file(path, entry);
    this.#make(path, entry);
    this.#describe(path, entry);
    return undefined;
  }

  #takeRoot(entry: TarEntry): undefined {
    if (entry.type !== 'dir') throw new Fault('invalid', `its root is a ${entry.type}`);
    this.#root = entry;
  }

  /** Members of one directory mostly follow each other. */
  #makeParent(path: ByteString): void {
    const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0)) as ByteString;
    if (parent === '' || parent === this.#lastParent) return;
    this.#tree.mkdirAll(parent, 0o755);
    this.#lastParent = parent;
  }

  /** What goes may have been on the way to the last parent. */
  #clear(path: ByteString, type: TarEntry['type']): void {
    const found = this.#tree.stat(path);
    if (found === undefined || (found.type === 'dir' && type === 'dir')) return;
    this.#tree.remove(path);
    this.#lastParent = undefined;
  }

  #link(path: ByteString, entry: TarEntry): undefined {
    const target = cleaned(entry.link);
    const found = target === '' ? undefined : this.#tree.stat(target);
    if (found === undefined || found.type === 'dir') {
      throw new Fault('invalid', `it links to ${showBytes(entry.link)}, which is no file that came before it`);
    }
    if (target === path) return;
    this.#clear(path, 'link');
    this.#tree.link(path, target);
  }

  #make(path: ByteString, { type, link, devMajor: major, devMinor: minor }: TarEntry): void {
    if (type === 'dir' && this.#tree.stat(path) === undefined) this.#tree.mkdir(path, 0o700);
    if (type === 'symlink') this.#tree.symlink(path, link);
    if (type === 'fifo') this.#tree.mknod(path, { type });
    if (type === 'char' || type === 'block') this.#tree.mknod(path, { type, major, minor });
  }

  #file(path: ByteString, entry: TarEntry): TarContent {
    const fd = this.#tree.createFile(path);
    this.#open = fd;
    return {
      write: (chunk, offset) => faulting('write', path, () => writeAt(fd, chunk, offset)),
      end: () => {
        faulting('write', path, () => ftruncateSync(fd, entry.size));
        this[Symbol.dispose]();
        this.#describe(path, entry);
      },
    };
  }

  /** In this order: a change of owner clears setuid bits and capabilities. */
  #describe(path: ByteString, { type, uid, gid, mode, mtime, xattrs }: TarEntry): void {
    this.#tree.setOwner(path, uid, gid);
    for (const [name, value] of xattrs) if (isKeptAttribute(name)) this.#tree.setXattr(path, name, value);
    if (type !== 'symlink') this.#tree.setMode(path, mode);
    if (type === 'dir') this.#directoryTimes.set(path, mtime);
    else this.#tree.setTimes(path, mtime);
  }
}

function writeAt(fd: number, chunk: Uint8Array, offset: number): void {
  for (let done = 0; done < chunk.length;) done += writeSync(fd, chunk, done, chunk.length - done, offset + done);
}

function cleaned(path: ByteString): ByteString {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/') as ByteString;
}
