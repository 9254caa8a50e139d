import { closeSync, fstatSync, readSync } from 'node:fs';
import { keptXattrs } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { faulting, statFd, type Tree } from '../host/index.ts';
import type { LayerPacker, OpenTree } from '../layer/index.ts';
import { bytesOf, showBytes, type ByteString } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import { sameContent } from './same-content.ts';
import type { PackReport, PackSlices } from './snapshotter.ts';
import { sameXattrs, upperEntries, type PresentEntry, type UpperEntry } from './upper-entries.ts';

/**
 * Writes what an upper directory changed as a layer (image-spec layer.md): changed and added entries whole, deletions as
 * `.wh.NAME`, each after the directories that lead to it. Never `.wh..wh..opq`: what is gone is named.
 *
 * Fault `invalid` for a name that a layer cannot hold, `conflict` for a file that changes while it is read.
 */
export function* packChanges(upper: Tree, below: OpenTree, packer: LayerPacker): PackSlices {
  const packing = new Packing(upper, below, packer);
  packing.root();
  for (const entry of upperEntries(upper, below)) yield* packing.take(entry);
  return packing.report();
}

/** The bytes written so far, where it is time for somebody else. */
type Slices = Generator<number, void, undefined>;

class Packing {
  readonly #upper: Tree;
  readonly #below: OpenTree;
  readonly #packer: LayerPacker;
  /** The directories that the walk is in, outermost first. */
  readonly #way: Step[] = [];
  /** Files with several names, until all of them were met. By inode. */
  readonly #links = new Map<bigint, LinkGroup>();
  readonly #inflated: { path: string; storedBytes: number; sizeBytes: number }[] = [];
  readonly #buffer = Buffer.allocUnsafeSlow(1 << 20);
  #skippedSockets = 0;
  #writtenBytes = 0;
  /** Since the last slice. */
  #work = 0;

  constructor(upper: Tree, below: OpenTree, packer: LayerPacker) {
    this.#upper = upper;
    this.#below = below;
    this.#packer = packer;
  }

  /** The root is written only when it was changed itself. */
  root(): void {
    const status = statFd(this.#upper.fd);
    const lower = this.#below.root;
    const xattrs = keptXattrs(this.#upper.xattrs(bytesOf('')));
    const sameOwner = lower.uid === status.uid && lower.gid === status.gid && lower.mode === status.mode;
    if (sameOwner && sameXattrs(xattrs, lower.xattrs)) return;
    this.#packer.add(entryOf({ kind: 'changed', path: bytesOf('.'), status, xattrs, lower }));
  }

  *take(entry: UpperEntry): Slices {
    if (this.#isSliceOver(entryWork)) yield this.#doneBytes();
    while (this.#way.length > 0 && !entry.path.startsWith(this.#way.at(-1)?.prefix ?? '')) this.#way.pop();
    if (entry.kind === 'deleted') this.#deletion(entry.path);
    else yield* this.#present(entry);
  }

  report(): PackReport {
    return {
      entryCount: this.#packer.entryCount,
      skippedSockets: this.#skippedSockets,
      inflated: this.#inflated,
    };
  }

  #deletion(path: ByteString): void {
    this.#lead(this.#way);
    const slash = path.lastIndexOf('/') + 1;
    const name = `${path.slice(0, slash)}.wh.${path.slice(slash)}` as ByteString;
    this.#packer.add({ ...whiteout, path: name });
  }

  *#present(entry: PresentEntry): Slices {
    refuseReservedName(entry.path);
    const { type, nlink } = entry.status;
    if (type === 'socket') return this.#socket(entry);
    if (type === 'dir') return this.#directory(entry);
    const changed = entry.kind !== 'same' || !sameContent(this.#upper, this.#below, entry);
    if (nlink > 1) yield* this.#linked(entry, changed);
    else if (changed) yield* this.#write(entry, this.#way);
  }

  /** A layer cannot hold it; what it took the place of is gone all the same. */
  #socket(entry: PresentEntry): void {
    this.#skippedSockets++;
    if (entry.lower !== undefined) this.#deletion(entry.path);
  }

  #directory(entry: PresentEntry): void {
    this.#way.push({ entry, prefix: `${entry.path}/`, isWritten: false });
    if (entry.kind !== 'same') this.#lead(this.#way);
  }

  /**
   * The names of one file. Once one of them has to be written all are, so that they stay one file; the first that is
   * written carries the content.
   */
  *#linked(entry: PresentEntry, changed: boolean): Slices {
    const { ino, nlink } = entry.status;
    const group = this.#links.get(ino) ?? { first: undefined, unchanged: [], met: 0 };
    group.met++;
    if (group.met === nlink) this.#links.delete(ino);
    else this.#links.set(ino, group);
    if (group.first !== undefined) return this.#link({ entry, way: this.#way }, group.first);
    if (!changed) return void group.unchanged.push({ entry, way: [...this.#way] });
    group.first = entry.path;
    yield* this.#write(entry, this.#way);
    for (const other of group.unchanged) this.#link(other, entry.path);
    group.unchanged.length = 0;
  }

  #link({ entry, way }: LinkName, first: ByteString): void {
    this.#lead(way);
    this.#packer.add({ ...entryOf(entry), type: 'link', size: 0, link: first, devMajor: 0, devMinor: 0 });
  }

  *#write(entry: PresentEntry, way: readonly Step[]): Slices {
    this.#lead(way);
    const link = entry.status.type === 'symlink' ? this.#upper.readlink(entry.path) : noBytes;
    this.#packer.add({ ...entryOf(entry), link });
    if (entry.status.type === 'file' && entry.status.size > 0) yield* this.#content(entry);
  }

  *#content(entry: PresentEntry): Slices {
    const fd = this.#upper.openFile(entry.path, { follow: false });
    try {
      this.#noteHoles(fd, entry);
      yield* this.#copy(fd, entry);
    } finally {
      closeSync(fd);
    }
  }

  /** What is missing at the end, or was added since, the packer notices. */
  *#copy(fd: number, { path, status }: PresentEntry): Slices {
    for (let left = status.size; left > 0;) {
      const count = faulting('read', path, () =>
        readSync(fd, this.#buffer, 0, Math.min(left, this.#buffer.length), null),
      );
      if (count === 0) break;
      this.#packer.write(this.#buffer.subarray(0, count));
      left -= count;
      this.#writtenBytes += count;
      if (this.#isSliceOver(count)) yield this.#doneBytes();
    }
  }

  #doneBytes(): number {
    return this.#writtenBytes;
  }

  #isSliceOver(work: number): boolean {
    this.#work += work;
    if (this.#work < sliceWork) return false;
    this.#work = 0;
    return true;
  }

  #noteHoles(fd: number, entry: PresentEntry): void {
    const sizeBytes = entry.status.size;
    if (sizeBytes < worthNamingBytes) return;
    const storedBytes = fstatSync(fd).blocks * 512;
    if (sizeBytes > storedBytes * 100)
      this.#inflated.push({ path: `/${showBytes(entry.path)}`, storedBytes, sizeBytes });
  }

  /** Writes the directories that have not been written, with the metadata that they have. */
  #lead(way: readonly Step[]): void {
    for (const step of way) {
      if (step.isWritten) continue;
      step.isWritten = true;
      this.#packer.add(entryOf(step.entry));
    }
  }
}

/** A directory on the way to what is looked at. */
interface Step {
  readonly entry: PresentEntry;
  readonly prefix: string;
  isWritten: boolean;
}

/** One of the names of a file, with the directories that lead to it. */
interface LinkName {
  readonly entry: PresentEntry;
  readonly way: readonly Step[];
}

interface LinkGroup {
  first: ByteString | undefined;
  readonly unchanged: LinkName[];
  /** Names that were met. */
  met: number;
}

const noBytes = bytesOf('');
const worthNamingBytes = 64 * 2 ** 20;

/** An entry counts as so many bytes: a slice has 1,000 entries or 32 MiB. */
const entryWork = 32 * 1024;
const sliceWork = 32 << 20;

/** Deletions have no metadata of their own: the same deletion always gives the same bytes. */
const whiteout: TarEntry = {
  path: noBytes,
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { sec: 0, nsec: 0 },
  link: noBytes,
  devMajor: 0,
  devMinor: 0,
  xattrs: new Map(),
};

function entryOf({ path, status, xattrs }: PresentEntry): TarEntry {
  const type = status.type === 'socket' ? 'fifo' : status.type;
  const size = status.type === 'file' ? status.size : 0;
  const { mode, uid, gid, mtime, rdevMajor, rdevMinor } = status;
  return {
    path,
    type,
    mode,
    uid,
    gid,
    size,
    mtime,
    link: noBytes,
    devMajor: rdevMajor,
    devMinor: rdevMinor,
    xattrs,
  };
}

function refuseReservedName(path: ByteString): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!name.startsWith('.wh.')) return;
  throw new Fault('invalid', `store /${showBytes(path)}: names that begin with .wh. mean deletions in a layer`, {
    hint: 'rename or remove the file',
  });
}
