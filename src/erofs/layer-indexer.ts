import { Fault } from '../errors/index.ts';
import { showBytes } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import type { SparseSegment, TarEntry, TarPlace } from '../tar/index.ts';
import { flagFresh, flagHidden, flagImplied, flagOpaque, flagWhiteout, rootRow } from './entry-table.ts';
import {
  blockSize,
  encodeDevice,
  typeBlock,
  typeChar,
  typeDirectory,
  typeFifo,
  typeRegular,
  typeSymlink,
} from './format.ts';
import { IndexedLayer } from './indexed-layer.ts';
import { contentBelow, contentInTar } from './inode-table.ts';
import type { SourceExtent } from './inode-table.ts';
import { LayerTree, checkedName, defaultDirectory, invalidName, pathNames } from './layer-tree.ts';
import { defaultIndexLimits } from './limits.ts';
import type { IndexLimits } from './limits.ts';
import { encodeXattrs, keptXattrs } from './xattr-codec.ts';

const fileTypes = {
  file: typeRegular,
  symlink: typeSymlink,
  dir: typeDirectory,
  char: typeChar,
  block: typeBlock,
  fifo: typeFifo,
} as const;

/** Collects the entries of one layer's tar, in the order of the archive, into an index. See `layer-index.ts`. */
export class LayerIndexer {
  readonly #tree: LayerTree;
  #finished = false;
  /** The directory of the entry before, as the archive named it: most entries share it. */
  #lastDirectory = '';
  #lastRow = -1;

  constructor(options: { readonly limits?: Partial<IndexLimits> } = {}) {
    this.#tree = new LayerTree({ ...defaultIndexLimits, ...options.limits });
  }

  /**
   * Takes one member of the archive. Nothing of `entry` or `place` is kept.
   *
   * Throws a Fault: `invalid` for a name, link or device that no layer can hold, `unsupported` for what EROFS cannot,
   * `exhausted` where a limit is reached. The indexer is of no use afterwards.
   */
  add(entry: TarEntry, place: TarPlace): void {
    if (this.#finished) throw new Fault('internal', 'add to a layer that is finished');
    const slash = entry.path.lastIndexOf('/');
    const name = entry.path.slice(slash + 1);
    const sharesDirectory = slash > 0 && this.#lastRow >= 0 && slash === this.#lastDirectory.length;
    if (sharesDirectory && isPlain(name) && entry.path.startsWith(this.#lastDirectory)) {
      this.#addNamed(this.#lastRow, name, { entry, place });
    } else {
      this.#addPath(entry, place);
    }
  }

  /** The whole layer. Nothing can be added any more. */
  finish(): IndexedLayer {
    this.#finished = true;
    return new IndexedLayer(this.#tree);
  }

  #addPath(entry: TarEntry, place: TarPlace): void {
    const names = pathNames(entry.path, this.#tree.limits);
    const name = names.pop();
    if (name === undefined) {
      this.#addRoot(entry);
      return;
    }
    if (name.startsWith('.wh.') && this.#isBelowEntry([...names, name])) return;
    const parent = this.#tree.enter(rootRow, names);
    const slash = entry.path.lastIndexOf('/');
    this.#lastDirectory = entry.path.slice(0, Math.max(slash, 0));
    this.#lastRow = entry.path.endsWith(`/${name}`) ? parent : -1;
    this.#addNamed(parent, name, { entry, place });
  }

  /** True if the way leads through something of this layer that is no directory: a deletion does not replace it. */
  #isBelowEntry(names: readonly string[]): boolean {
    const { row, missing } = this.#tree.walk(names);
    const [blocked] = missing;
    return missing.length > 1 && blocked !== undefined && this.#tree.table.find(row, blocked) >= 0;
  }

  #addRoot(entry: TarEntry): void {
    if (entry.type !== 'dir')
      throw new Fault('invalid', `index the layer: the root is a ${entry.type}, not a directory`);
    this.#tree.table.inode[rootRow] = this.#addInode(entry, typeDirectory);
    this.#tree.table.clear(rootRow, flagImplied);
  }

  #addNamed(parent: number, name: string, member: Member): void {
    if (name.startsWith('.wh.') && !name.startsWith('.wh..wh.')) this.#addWhiteout(parent, name);
    else if (name === '.wh..wh..opq') this.#tree.table.set(parent, flagOpaque);
    else {
      const row = this.#addMember(parent, checkedName(name), member);
      if (row >= 0 && name.startsWith('.wh..wh.')) this.#tree.table.set(row, flagHidden);
    }
  }

  #addWhiteout(parent: number, name: string): void {
    const target = name.slice('.wh.'.length);
    if (target === '' || target === '.' || target === '..') throw invalidName(name, 'deletes nothing that has a name');
    if (name.length > 255 + 4 || name.includes('\0') || target.startsWith('.wh.')) {
      throw invalidName(name, 'deletes what cannot exist');
    }
    const { table, inodes } = this.#tree;
    if (table.find(parent, name) >= 0) return;
    const row = table.insert(parent, name);
    table.inode[row] = inodes.add({ ...defaultDirectory, mode: typeChar });
    table.set(row, flagWhiteout);
  }

  #addMember(parent: number, name: string, member: Member): number {
    const inode = member.entry.type === 'link' ? this.#linkedInode(member.entry) : this.#newInode(member);
    const isDirectory = member.entry.type === 'dir';
    const row = this.#rowFor(parent, name, isDirectory);
    this.#tree.table.inode[row] = inode;
    this.#tree.table.clear(row, flagImplied);
    return row;
  }

  /** Only a directory over a directory merges; a change between the two kinds leaves what stood below out of reach. */
  #rowFor(parent: number, name: string, isDirectory: boolean): number {
    const { table } = this.#tree;
    const row = table.find(parent, name);
    if (row < 0) return table.insert(parent, name);
    const wasDirectory = this.#tree.typeOf(row) === typeDirectory;
    const wasSymlink = this.#tree.typeOf(row) === typeSymlink;
    if (wasDirectory || wasSymlink) this.#forgetDirectory(wasDirectory && isDirectory);
    if (wasDirectory === isDirectory) return row;
    const fresh = table.renew(row);
    if (isDirectory) table.set(fresh, flagFresh | flagOpaque);
    return fresh;
  }

  #forgetDirectory(stillValid: boolean): void {
    if (!stillValid) this.#lastRow = -1;
  }

  /** The inode that a hard link shares: as it is now in this layer, or a path that a lower layer must have. */
  #linkedInode(entry: TarEntry): number {
    const { table, inodes } = this.#tree;
    const names = pathNames(entry.link, this.#tree.limits);
    const { row, missing } = this.#tree.walk(names);
    if (missing.length === 0 && !table.has(row, flagWhiteout | flagImplied)) {
      if (this.#tree.typeOf(row) === typeDirectory) throw linkFault(entry, 'which is a directory');
      return table.inode[row] ?? 0;
    }
    const path = [table.path(row), ...missing].filter((part) => part !== '').join('/');
    const inode = inodes.add({ ...defaultDirectory, mode: 0 });
    inodes.content[inode] = contentBelow;
    inodes.place[inode] = table.names.append(path, 0, path.length);
    inodes.size[inode] = path.length;
    return inode;
  }

  #newInode(member: Member): number {
    const { entry, place } = member;
    if (entry.type === 'link') throw new Fault('internal', 'a hard link has no inode of its own');
    const inode = this.#addInode(entry, fileTypes[entry.type]);
    if (entry.type === 'file') this.#setContent(inode, entry, place);
    else if (entry.type === 'symlink') this.#setTarget(inode, entry);
    else if (entry.type === 'char' || entry.type === 'block') this.#tree.inodes.place[inode] = deviceOf(entry);
    return inode;
  }

  #addInode(entry: TarEntry, type: number): number {
    const { inodes } = this.#tree;
    const { uid, gid, mtime } = entry;
    const mode = type === typeSymlink ? 0o777 : entry.mode & 0o7777;
    const inode = inodes.add({ mode: type | mode, uid, gid, mtime });
    if (entry.xattrs.size > 0) inodes.setXattrs(inode, encodeXattrs(keptXattrs(entry.xattrs)));
    return inode;
  }

  #setContent(inode: number, entry: TarEntry, place: TarPlace): void {
    const { inodes } = this.#tree;
    inodes.size[inode] = entry.size;
    if (place.segments !== undefined) {
      inodes.setExtents(inode, extentsOf(entry, place.segments));
    } else if (entry.size > 0) {
      const block = place.dataOffset / blockSize;
      if (!Number.isInteger(block)) throw new Fault('internal', 'content in a tar begins with a block');
      if (block >= 0xffffffff) throw new Fault('unsupported', 'index the layer: its tar is larger than 2 TiB');
      inodes.content[inode] = contentInTar;
      inodes.place[inode] = block;
    }
  }

  #setTarget(inode: number, entry: TarEntry): void {
    const { inodes, table } = this.#tree;
    const length = entry.link.length;
    if (length === 0 || length > 4095 || entry.link.includes('\0')) {
      throw linkFault(entry, `a target of ${length} bytes, which no symlink can have`);
    }
    inodes.place[inode] = table.names.append(entry.link, 0, length);
    inodes.size[inode] = length;
  }
}

interface Member {
  readonly entry: TarEntry;
  readonly place: TarPlace;
}

/** The segments that hold something; a Fault unless they ascend, keep apart and end with the file. */
function extentsOf(entry: TarEntry, segments: readonly SparseSegment[]): SourceExtent[] {
  let end = 0;
  for (const { offset, length } of segments) {
    if (offset < end || length < 0 || offset + length > entry.size) {
      throw new Fault('corrupt', `index the layer: ${showBytes(entry.path)} is a sparse file whose segments overlap`);
    }
    end = offset + length;
  }
  const filled = segments.filter(({ length }) => length > 0);
  return filled.map(({ offset, length, dataOffset }) => ({ offset, length, at: dataOffset, source: 0 }));
}

function isPlain(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..';
}

function deviceOf(entry: TarEntry): number {
  const { devMajor, devMinor } = entry;
  const shown = showBytes(entry.path);
  if (entry.type === 'char' && devMajor === 0 && devMinor === 0) {
    throw new Fault('invalid', `index the layer: ${shown} is a char device 0/0, which overlayfs takes for a deletion`, {
      hint: 'a deletion is written as an empty file named .wh.NAME',
    });
  }
  if (devMajor > 0xfff || devMinor > 0xfffff) {
    throw new Fault('unsupported', `index the layer: ${shown} has device number ${devMajor}:${devMinor}`);
  }
  return encodeDevice(devMajor, devMinor);
}

function linkFault(entry: TarEntry, why: string): Fault {
  const target = showBytes(entry.link.slice(0, 200) as ByteString);
  return new Fault('invalid', `index the layer: ${showBytes(entry.path)} links to ${target}, ${why}`);
}
