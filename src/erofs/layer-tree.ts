import { Fault } from '../errors/index.ts';
import { showBytes } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { EntryTable, flagFresh, flagHidden, flagImplied, flagOpaque, flagWhiteout, rootRow } from './entry-table.ts';
import { typeDirectory, typeSymlink } from './format.ts';
import { InodeTable } from './inode-table.ts';
import type { InodeMeta } from './inode-table.ts';
import type { IndexLimits } from './limits.ts';
import { cleanPath } from './path-cleaning.ts';

/** A directory that nothing describes. */
export const defaultDirectory: InodeMeta = {
  mode: typeDirectory | 0o755,
  uid: 0,
  gid: 0,
  mtime: { sec: 0, nsec: 0 },
};

/** Where a walk that changes nothing ended: at a row, or with the names that are missing below the last one. */
export interface Walked {
  readonly row: number;
  readonly missing: readonly string[];
}

/** The tree of one layer while it is put together: names, inodes, and how paths lead through it. */
export class LayerTree {
  readonly limits: IndexLimits;
  readonly table: EntryTable;
  readonly inodes: InodeTable;
  #symlinkSteps = 0;

  constructor(limits: IndexLimits) {
    this.limits = limits;
    this.table = new EntryTable(limits);
    this.inodes = new InodeTable(this.table.names, limits);
    this.table.inode[rootRow] = this.inodes.add(defaultDirectory);
    this.table.set(rootRow, flagImplied);
  }

  typeOf(row: number): number {
    return this.inodes.type(this.table.inode[row] ?? 0);
  }

  symlinkTarget(row: number): ByteString {
    const inode = this.table.inode[row] ?? 0;
    return this.table.names.text(this.inodes.place[inode] ?? 0, this.inodes.size[inode] ?? 0);
  }

  /**
   * The directory that `names` lead to from `start`, through symlinks of this layer but never above the root. What is
   * missing is made as an implied directory, and what is neither directory nor symlink is replaced by one.
   */
  enter(start: number, names: readonly string[]): number {
    const path = new PendingPath(this, names);
    let row = start;
    for (let name = path.next(); name !== undefined; name = path.next()) {
      if (name === '..') row = this.table.parent[row] ?? rootRow;
      else {
        const child = this.#directory(row, name);
        row = this.typeOf(child) === typeSymlink ? path.follow(row, this.symlinkTarget(child)) : child;
      }
    }
    return row;
  }

  /** The row that `names` lead to, its parents through symlinks of this layer. The last name is not followed. */
  walk(names: readonly string[]): Walked {
    const path = new PendingPath(this, names);
    let row = rootRow;
    for (let name = path.next(); name !== undefined; name = path.next()) {
      if (name === '..') {
        row = this.table.parent[row] ?? rootRow;
        continue;
      }
      const child = this.table.find(row, name);
      if (child < 0) return { row, missing: [name, ...path.rest()] };
      if (path.isDone()) return { row: child, missing: [] };
      const type = this.typeOf(child);
      if (type === typeSymlink) row = path.follow(row, this.symlinkTarget(child));
      else if (type === typeDirectory) row = child;
      else return { row, missing: [name, ...path.rest()] };
    }
    return { row, missing: [] };
  }

  /** A directory without an entry of its own. */
  addImplied(parent: number, name: string): number {
    const row = this.table.insert(parent, checkedName(name));
    this.#imply(row);
    if (name.startsWith('.wh..wh.')) this.table.set(row, flagHidden);
    return row;
  }

  countSymlinkSteps(count: number): void {
    this.#symlinkSteps += count;
    if (this.#symlinkSteps > this.limits.maxSymlinkSteps) {
      throw new Fault('exhausted', 'index the layer: its names lead through too many symlinks');
    }
  }

  #directory(parent: number, name: string): number {
    const row = this.table.find(parent, name);
    if (row < 0) return this.addImplied(parent, name);
    if (this.table.has(row, flagWhiteout)) checkedName(name);
    const type = this.typeOf(row);
    if (type === typeDirectory || type === typeSymlink) return row;
    const fresh = this.table.renew(row);
    this.#imply(fresh);
    this.table.set(fresh, flagFresh | flagOpaque);
    return fresh;
  }

  #imply(row: number): void {
    this.table.inode[row] = this.inodes.add(defaultDirectory);
    this.table.set(row, flagImplied);
  }
}

/** A name that a file can have; Faults for what no Linux file system or no layer can hold. */
export function checkedName(name: string): string {
  if (name.length > 255) throw invalidName(name, 'is longer than 255 bytes');
  if (name.includes('\0')) throw invalidName(name, 'holds a zero byte');
  if (name.startsWith('.wh.') && !name.startsWith('.wh..wh.')) {
    throw invalidName(name, 'begins with .wh., which marks a deletion and cannot be the name of a file in a layer');
  }
  return name;
}

export function invalidName(name: string, why: string): Fault {
  return new Fault('invalid', `index the layer: the name ${showBytes(name as ByteString)} ${why}`);
}

/** The names that are still to be walked; symlinks put their targets before the rest. */
class PendingPath {
  readonly #tree: LayerTree;
  /** In reverse: the next name is the last. */
  readonly #names: string[];
  #symlinks = 0;

  constructor(tree: LayerTree, names: readonly string[]) {
    this.#tree = tree;
    this.#names = names.toReversed();
  }

  next(): string | undefined {
    return this.#names.pop();
  }

  isDone(): boolean {
    return this.#names.length === 0;
  }

  rest(): readonly string[] {
    return this.#names.toReversed();
  }

  /** Puts `target` before the rest; returns where to go on from, given the directory that holds the symlink. */
  follow(directory: number, target: ByteString): number {
    this.#symlinks += 1;
    if (this.#symlinks > this.#tree.limits.maxSymlinks) {
      throw new Fault(
        'invalid',
        `index the layer: a path leads through more than ${this.#tree.limits.maxSymlinks} symlinks`,
      );
    }
    const names = target.split('/').filter((name) => name !== '' && name !== '.');
    this.#tree.countSymlinkSteps(names.length + 1);
    this.#names.push(...names.toReversed());
    return target.startsWith('/') ? rootRow : directory;
  }
}

/** The names of an archive's path, cleaned to the root. */
export function pathNames(path: ByteString, limits: IndexLimits): string[] {
  if (path.length > limits.maxPathBytes) {
    throw new Fault('invalid', `index the layer: a path of ${path.length} bytes: ${showBytes(path).slice(0, 100)}…`);
  }
  return cleanPath(path);
}
