import { randomUUID } from 'node:crypto';
import { closeSync, statSync, writeSync } from 'node:fs';
import { Fault } from '../../errors/index.ts';
import { makeFolders, Tree } from '../../host/index.ts';
import { isKeptAttribute } from '../../snapshot/index.ts';
import { bytesOf, showBytes, type ByteString, type Timestamp } from '../../std/index.ts';
import type { TarPart } from './output-tar.ts';
import { Pace } from '../pace.ts';
import type { SourceNode, SourceTree } from '../source/source-tree.ts';
import { parentOf } from '../copy/tree-writer.ts';

export interface LocalOptions {
  readonly dest: string;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
}

/**
 * Writes trees into a folder, which is made where it is missing, as BuildKit's local exporter does: what is there under
 * the same name is replaced, directories are merged, all else stays. Everything belongs to whoever runs this, and files lose
 * their capabilities by that; modes, times, links and other attributes are kept.
 *
 * Files are complete before they have their names. Whatever symlinks are in the folder, and whoever changes it
 * meanwhile: nothing is written outside of it.
 */
export async function writeLocal(parts: readonly TarPart[], options: LocalOptions): Promise<void> {
  const { dest, signal } = options;
  makeFolder(dest);
  using root = Tree.open(dest);
  for (const { folder, tree } of parts) {
    const pace = new Pace(signal, `write ${dest}`);
    const writer = new LocalWriter(root, folder, options.onWarning);
    writer.begin();
    for (const node of tree.walk(bytesOf(''))) {
      writer.add(node, tree);
      if (pace.isDue(node.size)) await pace.rest();
    }
    writer.finish();
  }
}

function makeFolder(dest: string): void {
  if (statSync(dest, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new Fault('invalid', `write ${dest}: it is a file, not a folder`);
  }
  makeFolders(dest, 0o700);
}

class LocalWriter {
  readonly #root: Tree;
  readonly #folder: string;
  readonly #onWarning: LocalOptions['onWarning'];
  readonly #links = new Map<string, ByteString>();
  readonly #directories: { readonly path: ByteString; readonly mtime: Timestamp }[] = [];
  readonly #owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  #lostAttributes = 0;

  constructor(root: Tree, folder: string, onWarning: LocalOptions['onWarning']) {
    this.#root = root;
    this.#folder = folder;
    this.#onWarning = onWarning;
  }

  begin(): void {
    if (this.#folder !== '') this.#directory(bytesOf(this.#folder), 0o755);
  }

  add(node: SourceNode, tree: SourceTree): void {
    const path = this.#placeOf(node.path);
    if (node.type === 'dir') {
      this.#directory(path, node.mode);
      this.#attributes(path, node);
      this.#directories.push({ path, mtime: node.mtime });
      return;
    }
    const first = this.#links.get(node.identity);
    this.#replace(path, (temporary) => {
      if (first !== undefined) return this.#root.link(temporary, first);
      this.#create(temporary, node, tree);
      this.#finishEntry(temporary, node);
    });
    if (first === undefined && node.nlink > 1) this.#links.set(node.identity, path);
  }

  /** What is written into a directory changes its time. */
  finish(): void {
    for (const { path, mtime } of this.#directories.toReversed()) this.#root.setTimes(path, mtime);
    if (this.#lostAttributes === 0) return;
    this.#onWarning(`${this.#lostAttributes} extended attributes were left out: the filesystem does not take them`);
  }

  #placeOf(path: ByteString): ByteString {
    return this.#folder === '' ? path : (`${this.#folder}/${path}` as ByteString);
  }

  #directory(path: ByteString, mode: number): void {
    const there = this.#root.stat(path);
    if (there !== undefined && there.type !== 'dir') this.#root.remove(path);
    if (there?.type !== 'dir') this.#root.mkdir(path, 0o700);
    this.#root.setOwner(path, this.#owner.uid, this.#owner.gid);
    this.#root.setMode(path, mode);
  }

  /** Gives what `make` makes the name, in the place of whatever had it. */
  #replace(path: ByteString, make: (temporary: ByteString) => void): void {
    const parent = parentOf(path);
    const name = `.varve-${randomUUID()}`;
    const temporary = (parent === '' ? name : `${parent}/${name}`) as ByteString;
    try {
      make(temporary);
      if (this.#root.stat(path)?.type === 'dir') this.#root.remove(path);
      this.#root.rename(temporary, path);
    } catch (error) {
      this.#root.remove(temporary);
      throw Fault.wrap(`write /${showBytes(path)}`, error);
    }
  }

  #create(path: ByteString, node: SourceNode, tree: SourceTree): void {
    switch (node.type) {
      case 'file':
        return this.#file(path, tree.read(node));
      case 'symlink':
        return this.#root.symlink(path, node.link);
      case 'char':
      case 'block':
        return this.#root.mknod(path, { type: node.type, major: node.rdevMajor, minor: node.rdevMinor });
      case 'fifo':
      case 'socket':
      case 'dir':
        return this.#root.mknod(path, { type: 'fifo' });
    }
  }

  #file(path: ByteString, content: Iterable<Uint8Array>): void {
    const fd = this.#root.createFile(path);
    try {
      for (const piece of content) for (let done = 0; done < piece.length;) done += writeSync(fd, piece, done);
    } finally {
      closeSync(fd);
    }
  }

  /** In this order: a change of owner clears setuid bits. */
  #finishEntry(path: ByteString, node: SourceNode): void {
    this.#root.setOwner(path, this.#owner.uid, this.#owner.gid);
    this.#attributes(path, node);
    if (node.type !== 'symlink') this.#root.setMode(path, node.mode);
    this.#root.setTimes(path, node.mtime);
  }

  #attributes(path: ByteString, { xattrs }: SourceNode): void {
    for (const [name, value] of xattrs) {
      if (!isKeptAttribute(name) || name === 'security.capability') continue;
      try {
        this.#root.setXattr(path, name, value);
      } catch (error) {
        if (!Fault.is(error, 'unsupported')) throw error;
        this.#lostAttributes += 1;
      }
    }
  }
}
