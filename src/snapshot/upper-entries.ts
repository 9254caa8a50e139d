import { keptXattrs } from '../erofs/index.ts';
import { Fault } from '../errors/index.ts';
import { errnoOf, xattrsAt, type FileStatus, type Tree, type WalkEntry, type Xattrs } from '../host/index.ts';
import type { OpenTree, TreeNode } from '../layer/index.ts';
import { bytesOf, showBytes, type ByteString } from '../std/index.ts';

/** What an upper directory holds at one path, against the tree below it. */
export type UpperEntry = PresentEntry | DeletedEntry;

export interface DeletedEntry {
  readonly kind: 'deleted';
  /** Relative to the root, without a leading slash. */
  readonly path: ByteString;
}

export interface PresentEntry {
  /**
   * `same`: copied up, or a directory on the way to a change, and as it was below as far as metadata tell. Of
   * directories the time does not count.
   */
  readonly kind: 'added' | 'changed' | 'same';
  readonly path: ByteString;
  readonly status: FileStatus;
  /** What a layer keeps of the attributes. */
  readonly xattrs: Xattrs;
  /** What is below at this path. */
  readonly lower: TreeNode | undefined;
}

/** Where a walk is: what the directory means for what is in it. */
interface Level {
  /** With a trailing slash; '' at the root. */
  readonly prefix: string;
  /** There is a directory below at this place, so that entries have something to be compared with. */
  readonly hasLower: boolean;
  /** What is below is not seen through this directory. */
  readonly opaque: boolean;
}

/**
 * Everything in an upper directory of overlayfs, and everything below that it hides, in no particular order but that a
 * directory comes before what is in it. What is below an opaque directory and not in it is given out as deleted: overlay
 * marks every new directory opaque, and a layer says what is gone by name. What disappears meanwhile is left out.
 *
 * Fault `unsupported` where the mount kept something elsewhere than in its place (redirects, metadata-only copies).
 */
export function* upperEntries(upper: Tree, below: OpenTree): Generator<UpperEntry, void, undefined> {
  const levels: Level[] = [{ prefix: '', hasLower: true, opaque: false }];
  for (const entry of upper.walk(bytesOf(''))) {
    const { path, status } = entry;
    while (!path.startsWith(levels.at(-1)?.prefix ?? '')) levels.pop();
    const level = levels.at(-1) as Level;
    const lower = level.hasLower ? below.lookup(path) : undefined;
    if (isWhiteout(status)) {
      if (lower !== undefined) yield { kind: 'deleted', path };
      continue;
    }
    const all = attributesOf(entry);
    if (all === undefined) continue;
    const xattrs = all.size === 0 ? all : keptXattrs(all);
    yield { kind: compare(status, xattrs, lower), path, status, xattrs, lower };
    if (status.type !== 'dir') continue;
    const opaque = level.opaque || isOpaque(all);
    const hasLower = lower?.type === 'dir';
    if (opaque && hasLower) yield* hiddenBelow(upper, below, path);
    levels.push({ prefix: `${path}/`, hasLower, opaque });
  }
}

/** Undefined where the entry is gone by now. */
function attributesOf({ dirfd, name, path }: WalkEntry): Xattrs | undefined {
  try {
    const all = xattrsAt(dirfd, name, path);
    refuseRedirects(all, path);
    return all;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function compare(status: FileStatus, xattrs: Xattrs, lower: TreeNode | undefined): PresentEntry['kind'] {
  if (lower === undefined) return 'added';
  const sameInode =
    lower.type === status.type &&
    lower.mode === status.mode &&
    lower.uid === status.uid &&
    lower.gid === status.gid &&
    lower.rdevMajor === status.rdevMajor &&
    lower.rdevMinor === status.rdevMinor;
  if (!sameInode || !sameXattrs(xattrs, lower.xattrs)) return 'changed';
  return status.type === 'dir' || sameStamp(status, lower) ? 'same' : 'changed';
}

function sameStamp(status: FileStatus, lower: TreeNode): boolean {
  const sameTime = lower.mtime.sec === status.mtime.sec && lower.mtime.nsec === status.mtime.nsec;
  return sameTime && (status.type !== 'file' || lower.size === status.size);
}

export function sameXattrs(left: Xattrs, right: Xattrs): boolean {
  if (left.size !== right.size) return false;
  for (const [name, value] of left) if (right.get(name) !== value) return false;
  return true;
}

function* hiddenBelow(upper: Tree, below: OpenTree, path: ByteString): Iterable<DeletedEntry> {
  for (const name of below.list(path)) {
    const inside = `${path}/${name}` as ByteString;
    if (upper.stat(inside) === undefined) yield { kind: 'deleted', path: inside };
  }
}

function isWhiteout(status: FileStatus): boolean {
  return status.type === 'char' && status.rdevMajor === 0 && status.rdevMinor === 0;
}

function isOpaque(xattrs: Xattrs): boolean {
  return opaqueMarks.some((name) => xattrs.get(name) === 'y');
}

function refuseRedirects(xattrs: Xattrs, path: ByteString): void {
  const found = redirectMarks.find((name) => xattrs.has(name));
  if (found === undefined) return;
  throw new Fault('unsupported', `read the changes of ${showBytes(path)}: it bears ${found}`, {
    hint: 'the work folder was mounted by another program with redirect_dir or metacopy; remove the container',
  });
}

const opaqueMarks = [bytesOf('trusted.overlay.opaque'), bytesOf('user.overlay.opaque')];
const redirectMarks = ['trusted', 'user'].flatMap((space) =>
  ['redirect', 'metacopy'].map((mark) => bytesOf(`${space}.overlay.${mark}`)),
);
