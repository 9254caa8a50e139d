import { Fault } from '../../errors/index.ts';
import type { OpenTree } from '../../layer/index.ts';
import { bytesOf, showBytes, type ByteString } from '../../std/index.ts';
import type { ModeChange } from './chmod.ts';
import { cannotCopyToNonDirectory, cannotReplaceDirectory, inside, notDirectory } from './copy-layout.ts';
import type { CopyOverlaps } from './copy-overlaps.ts';
import type { PlacedRoot } from './copy-sources.ts';
import type { SourceNode } from '../source/source-tree.ts';
import { epoch, noXattrs, parentOf, type EntryFacts, type Owner, type TreeWriter } from './tree-writer.ts';

/** What entries are written to. */
export type EntryWriter = Pick<TreeWriter, 'add' | 'directory' | 'write'>;

export interface CopyTargetOptions {
  readonly writer: EntryWriter;
  readonly below: OpenTree;
  /** By `--chown`; undefined where everything keeps its owner. */
  readonly owner: Owner | undefined;
  readonly changeMode: ModeChange | undefined;
  /** Of directories that have to be made. */
  readonly directoryMode: number;
  readonly overlaps: CopyOverlaps;
  /** Called before the first entry of each of the instruction's sources. */
  readonly onRoot?: (index: number) => void;
}

/** An entry of the layer that is about to be written. */
export interface PlacedEntry {
  readonly path: ByteString;
  readonly facts: EntryFacts;
}

/** Decides what of the sources stands where in the layer, with which owner and mode. */
export class CopyTarget {
  readonly writer: EntryWriter;
  readonly #options: CopyTargetOptions;
  /** Of files with several names: where the first of them stands. Within one source. */
  readonly #links = new Map<string, ByteString>();
  /** Directories that several sources bring. */
  readonly #merged = new Set<ByteString>();
  /** Directory below which the tree below has nothing, with a slash behind it. */
  #bare: string | undefined;
  #from: PlacedRoot | undefined;

  constructor(options: CopyTargetOptions) {
    this.#options = options;
    this.writer = options.writer;
  }

  /** Makes the directory, and what is missing on the way to it. `like`: what it has the owner, mode, time and attributes of. */
  makeDirectory(path: ByteString, like?: SourceNode): void {
    if (path === '') return;
    this.makeDirectory(parentOf(path));
    const found = this.#options.below.lookup(path);
    if (found !== undefined && found.type !== 'dir') throw notDirectory(path);
    if (found === undefined) this.#bare ??= `${path}/`;
    const { directoryMode: mode, owner = root } = this.#options;
    if (found === undefined) this.writer.add(path, { ...emptyFacts, ...owner, mode, ...kept(like), type: 'dir' });
    else this.writer.directory(path);
  }

  /**
   * The entry for a node; undefined where it is not to be written, since another source counts. Fault `invalid` for what
   * cannot stand there.
   */
  place(node: SourceNode, from: PlacedRoot): PlacedEntry | undefined {
    if (from.isArchive === true) return undefined;
    if (from !== this.#from) this.#begin(from);
    const { root: origin, place } = from;
    const inner = node.path.slice(origin.path === '' ? 0 : origin.path.length + 1) as ByteString;
    const path = origin.isDirectory ? inside(place, inner) : place;
    const relative = origin.isDirectory ? inner : lastName(place);
    const { overlaps } = this.#options;
    const counting = overlaps.decide(relative, node, from.index);
    if (counting === undefined) return undefined;
    this.#check(path, node);
    if (node.type === 'dir' && overlaps.isShared(relative)) {
      if (this.#merged.has(path)) return undefined;
      this.#merged.add(path);
    }
    return { path, facts: this.#factsOf(counting, path) };
  }

  /** A here-document. */
  inlineFile(path: ByteString, content: Uint8Array): void {
    const { below, owner = root, changeMode } = this.#options;
    if (below.lookup(path)?.type === 'dir') throw cannotReplaceDirectory(path, 'file', lastName(path));
    const mode = changeMode?.(0o644, false) ?? 0o644;
    this.writer.add(path, { ...emptyFacts, ...owner, type: 'file', size: content.length, mode });
    if (content.length > 0) this.writer.write(content);
  }

  #begin(from: PlacedRoot): void {
    this.#from = from;
    this.#links.clear();
    this.#options.onRoot?.(from.index);
  }

  #check(path: ByteString, node: SourceNode): void {
    if (this.#bare !== undefined && path.startsWith(this.#bare)) return;
    const found = this.#options.below.lookup(path);
    if (node.type !== 'dir') {
      if (found?.type === 'dir') throw cannotReplaceDirectory(path, node.type, node.path);
      return;
    }
    if (found === undefined) this.#bare = `${path}/`;
    else if (found.type !== 'dir') throw cannotCopyToNonDirectory(path, found.type, node.path);
  }

  #factsOf(node: SourceNode, path: ByteString): EntryFacts {
    const { owner, changeMode } = this.#options;
    const { type, mtime, rdevMajor, rdevMinor, xattrs, size, link } = node;
    if (type === 'socket') throw new Fault('internal', `store socket ${showBytes(path)}`);
    const { uid, gid } = owner ?? node;
    const mode = type === 'symlink' ? 0o777 : (changeMode?.(node.mode, type === 'dir') ?? node.mode);
    const first = this.#firstName(node, path);
    if (first !== undefined) {
      return { type: 'link', mode, uid, gid, size: 0, mtime, link: first, devMajor: 0, devMinor: 0, xattrs };
    }
    return { type, mode, uid, gid, size, mtime, link, devMajor: rdevMajor, devMinor: rdevMinor, xattrs };
  }

  /** Where the file stands already; else it stands at `path` from now on. */
  #firstName(node: SourceNode, path: ByteString): ByteString | undefined {
    if (node.nlink < 2 || node.type === 'dir') return undefined;
    const first = this.#links.get(node.identity);
    if (first === undefined) this.#links.set(node.identity, path);
    return first;
  }
}

function kept(node: SourceNode | undefined): Partial<EntryFacts> {
  if (node === undefined) return {};
  const { uid, gid, mode, mtime, xattrs } = node;
  return { uid, gid, mode, mtime, xattrs };
}

function lastName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1) as ByteString;
}

const root: Owner = { uid: 0, gid: 0 };
const emptyFacts = { size: 0, mtime: epoch, link: bytesOf(''), devMajor: 0, devMinor: 0, xattrs: noXattrs };
