import {
  openFileAt,
  readlinkAt,
  xattrsAt,
  type FileStatus,
  type FileType,
  type Tree,
  type WalkEntry,
  type Xattrs,
} from '../../host/index.ts';
import { bytesOf, type ByteString, type Timestamp } from '../../std/index.ts';
import type { ContextDirectory } from './context-directory.ts';
import { keptXattrs } from '../../erofs/index.ts';
import type { SourceNode } from './source-tree.ts';

/** A file met on a walk, reached through the directory that it is in, or one that was looked up by its path. */
export type ContextPlace = WalkEntry | { readonly path: ByteString; readonly status: FileStatus; readonly tree: Tree };

/** A file of the context: what the kernel says of it, the rest looked up when it is asked for. */
export class ContextNode implements SourceNode {
  readonly place: ContextPlace;
  readonly directory: ContextDirectory;
  /** Owners of the machine that builds mean nothing to the image. */
  readonly uid = 0;
  readonly gid = 0;
  readonly #status: FileStatus;
  #xattrs: Xattrs | undefined;
  #hash: ByteString | undefined;
  #isHashAsked = false;

  constructor(place: ContextPlace, directory: ContextDirectory) {
    this.place = place;
    this.directory = directory;
    this.#status = place.status;
  }

  get path(): ByteString {
    return this.place.path;
  }

  get type(): FileType {
    return this.#status.type;
  }

  get mode(): number {
    return this.#status.mode;
  }

  get size(): number {
    return this.type === 'file' ? this.#status.size : 0;
  }

  get mtime(): Timestamp {
    return this.#status.mtime;
  }

  get rdevMajor(): number {
    return this.#status.rdevMajor;
  }

  get rdevMinor(): number {
    return this.#status.rdevMinor;
  }

  get nlink(): number {
    return this.#status.nlink;
  }

  get identity(): string {
    return `${this.#status.dev}:${this.#status.ino}`;
  }

  get link(): ByteString {
    const { place } = this;
    if (this.type !== 'symlink') return noLink;
    return 'tree' in place ? place.tree.readlink(place.path) : readlinkAt(place.dirfd, place.name, place.path);
  }

  get knownHash(): ByteString | undefined {
    if (!this.#isHashAsked) this.#hash = this.directory.hashOf(this.#status);
    this.#isHashAsked = true;
    return this.#hash;
  }

  /** None of a file whose hash is known: only files without any are remembered, and to set one changes the ctime. */
  get xattrs(): Xattrs {
    if (this.#xattrs !== undefined) return this.#xattrs;
    const { place } = this;
    if (this.type === 'file' && this.knownHash !== undefined) return (this.#xattrs = noXattrs);
    const all = 'tree' in place ? place.tree.xattrs(place.path) : xattrsAt(place.dirfd, place.name, place.path);
    return (this.#xattrs = keptXattrs(all));
  }

  /** True of a file that was looked up by its path: the others in its directory are not met. */
  get isAlone(): boolean {
    return 'tree' in this.place;
  }

  /** Opens the regular file; the descriptor is the caller's. */
  open(): number {
    const { place } = this;
    if ('tree' in place) return place.tree.openFile(place.path, { follow: false });
    return openFileAt(place.dirfd, place.name, place.path);
  }
}

const noLink = bytesOf('');
const noXattrs: Xattrs = new Map();
