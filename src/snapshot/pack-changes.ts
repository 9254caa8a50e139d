import { closeSync, fstatSync, readSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { statFd, type Tree } from '../host/index.ts';
import type { LayerPacker, OpenTree } from '../layer/index.ts';
import { bytesOf, showBytes, type ByteString } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import { sameContent } from './same-content.ts';
import type { PackReport } from './snapshotter.ts';
import { keptXattrs, upperEntries, type PresentEntry } from './upper-entries.ts';

/**
 * Writes what an upper directory changed as a layer (image-spec layer.md): changed and added entries whole, deletions as
 * `.wh.NAME`, each after the directories that lead to it. Never `.wh..wh..opq`: what is gone is named.
 */
export function packChanges(upper: Tree, below: OpenTree, packer: LayerPacker): PackReport {
  const packing = new Packing(upper, below, packer);
  packing.root();
  for (const entry of upperEntries(upper, below)) {
    if (entry.kind === 'deleted') packing.deletion(entry.path);
    else packing.present(entry);
  }
  return packing.report();
}

class Packing {
  readonly #upper: Tree;
  readonly #below: OpenTree;
  readonly #packer: LayerPacker;
  /** The directories that the walk is in, outermost first. */
  #way: readonly PresentEntry[] = [];
  /** Paths of the directories that are written. */
  readonly #written = new Set<string>();
  readonly #links = new Map<bigint, LinkGroup>();
  readonly #inflated: { path: string; storedBytes: number; sizeBytes: number }[] = [];
  readonly #buffer = Buffer.allocUnsafe(1 << 20);
  #skippedSockets = 0;

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
    const same =
      sameOwner && xattrs.size === lower.xattrs.size && [...xattrs].every(([k, v]) => lower.xattrs.get(k) === v);
    if (!same) this.#add({ kind: 'changed', path: bytesOf('.'), status, xattrs, lower: undefined });
  }

  deletion(path: ByteString): void {
    this.#lead(this.#wayTo(path));
    const slash = path.lastIndexOf('/') + 1;
    const name = `${path.slice(0, slash)}.wh.${path.slice(slash)}` as ByteString;
    this.#packer.add({ ...whiteout, path: name });
  }

  present(entry: PresentEntry): void {
    refuseReservedName(entry.path);
    if (entry.status.type === 'socket') {
      this.#skippedSockets++;
      return;
    }
    if (entry.status.type === 'dir') return this.#directory(entry);
    const changed = entry.kind !== 'same' || !sameContent(this.#upper, this.#below, entry);
    if (entry.status.nlink > 1) return this.#linked(entry, changed);
    if (changed) this.#write(entry);
  }

  report(): PackReport {
    return {
      entryCount: this.#packer.entryCount,
      skippedSockets: this.#skippedSockets,
      inflated: this.#inflated,
    };
  }

  #directory(entry: PresentEntry): void {
    this.#way = [...this.#wayTo(entry.path), entry];
    if (entry.kind !== 'same') this.#lead(this.#way);
  }

  /**
   * The names of one file. Once one of them has to be written all are, so that they stay one file; the first that is
   * written carries the content.
   */
  #linked(entry: PresentEntry, changed: boolean): void {
    const group = this.#links.get(entry.status.ino) ?? { first: undefined, unchanged: [] };
    this.#links.set(entry.status.ino, group);
    const way = this.#wayTo(entry.path);
    if (group.first !== undefined) return this.#link({ entry, way }, group.first);
    if (!changed) return void group.unchanged.push({ entry, way });
    group.first = entry.path;
    this.#write(entry);
    for (const other of group.unchanged) this.#link(other, entry.path);
    group.unchanged.length = 0;
  }

  #link({ entry, way }: LinkName, first: ByteString): void {
    this.#lead(way);
    this.#packer.add({ ...entryOf(entry), type: 'link', size: 0, link: first, devMajor: 0, devMinor: 0 });
  }

  #write(entry: PresentEntry): void {
    this.#lead(this.#wayTo(entry.path));
    this.#add(entry);
    if (entry.status.type === 'file') this.#content(entry);
  }

  #add(entry: PresentEntry): void {
    const link = entry.status.type === 'symlink' ? this.#upper.readlink(entry.path) : bytesOf('');
    this.#packer.add({ ...entryOf(entry), link });
  }

  #content(entry: PresentEntry): void {
    const fd = this.#upper.openFile(entry.path, { follow: false });
    try {
      this.#noteHoles(fd, entry);
      for (let left = entry.status.size; left > 0;) {
        const count = readSync(fd, this.#buffer, 0, Math.min(left, this.#buffer.length), null);
        if (count === 0) break;
        this.#packer.write(this.#buffer.subarray(0, count));
        left -= count;
      }
    } finally {
      closeSync(fd);
    }
  }

  #noteHoles(fd: number, entry: PresentEntry): void {
    const sizeBytes = entry.status.size;
    if (sizeBytes < worthNamingBytes) return;
    const storedBytes = fstatSync(fd).blocks * 512;
    if (sizeBytes > storedBytes * 100)
      this.#inflated.push({ path: `/${showBytes(entry.path)}`, storedBytes, sizeBytes });
  }

  /** The directories above `path`: of those that the walk is in, the ones that lead there. */
  #wayTo(path: ByteString): readonly PresentEntry[] {
    return this.#way.filter((directory) => path.startsWith(`${directory.path}/`));
  }

  /** Writes the directories that have not been written. */
  #lead(way: readonly PresentEntry[]): void {
    for (const directory of way) {
      if (this.#written.has(directory.path)) continue;
      this.#written.add(directory.path);
      this.#add(directory);
    }
  }
}

/** One of the names of a file, with the directories that lead to it. */
interface LinkName {
  readonly entry: PresentEntry;
  readonly way: readonly PresentEntry[];
}

interface LinkGroup {
  first: ByteString | undefined;
  readonly unchanged: LinkName[];
}

const worthNamingBytes = 64 * 2 ** 20;

/** Deletions have no metadata of their own: the same deletion always gives the same bytes. */
const whiteout: TarEntry = {
  path: bytesOf(''),
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { sec: 0, nsec: 0 },
  link: bytesOf(''),
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
    link: bytesOf(''),
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
