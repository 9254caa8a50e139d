import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import type { ErofsImage } from './erofs-image.ts';
import type { ErofsInode } from './read-inode.ts';
import { opaqueXattr } from './xattr-codec.ts';

/** An inode and the image that it is in. */
export interface PlacedInode {
  readonly image: ErofsImage;
  readonly inode: ErofsInode;
}

/** What the merged view has at a path. */
export interface MergedNode extends PlacedInode {
  /** For a directory: itself and the directories that it is merged with, highest first; [] for others. */
  readonly stack: readonly PlacedInode[];
}

export interface MergedEntry {
  readonly name: ByteString;
  readonly node: MergedNode;
}

/**
 * What overlayfs shows of layers on top of each other, read from their images: a higher name hides a lower one, a char
 * device 0:0 hides without being there, only directory over directory merges, and an opaque one hides what is below.
 */
export class MergedTree {
  /** The root; where the layer on top says nothing of it, as the highest layer that does describes it. */
  readonly root: MergedNode;

  /** `layers`: lowest first, at least one. */
  constructor(layers: readonly ErofsImage[]) {
    const stack = layers.map((image) => ({ image, inode: image.root })).toReversed();
    const [top] = stack;
    if (top === undefined) throw new Fault('internal', 'merge no layers');
    this.root = { ...(stack.find(({ image }) => image.describesRoot) ?? top), stack };
  }

  /** The node called `name` in `directory`; undefined if there is none or `directory` is not one. */
  child(directory: MergedNode, name: ByteString): MergedNode | undefined {
    const found: PlacedInode[] = [];
    for (const { image, inode } of directory.stack) {
      const child = image.lookup(inode, name);
      if (child !== undefined) found.push({ image, inode: child });
      if (child !== undefined && endsMerge(image, child)) break;
    }
    return mergedNode(found);
  }

  /** The entries of `directory` in bytewise order. */
  list(directory: MergedNode): MergedEntry[] {
    const byName = new Map<ByteString, PlacedInode[]>();
    for (const { image, inode } of directory.stack) {
      for (const { name, nid } of image.readdir(inode)) {
        const above = byName.get(name) ?? [];
        const last = above.at(-1);
        if (last === undefined || !endsMerge(last.image, last.inode)) {
          byName.set(name, [...above, { image, inode: image.inode(nid) }]);
        }
      }
    }
    const entries: MergedEntry[] = [];
    for (const [name, found] of byName) {
      const node = mergedNode(found);
      if (node !== undefined) entries.push({ name, node });
    }
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * The node at `path`; undefined if there is none. Parents are resolved through symlinks, `..` and a leading slash
   * inside the root; the last name is not followed. A Fault of code `invalid` for a loop of symlinks.
   */
  lookup(path: ByteString): MergedNode | undefined {
    const trail: MergedNode[] = [this.root];
    const names = path.split('/').toReversed() as ByteString[];
    for (let symlinks = 0; names.length > 0;) {
      const name = names.pop() ?? ('' as ByteString);
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const node = this.child(trail.at(-1) ?? this.root, name);
      if (node === undefined) return undefined;
      if (node.inode.type !== 'symlink' || isLast(names)) {
        trail.push(node);
        continue;
      }
      symlinks += 1;
      if (symlinks > maxSymlinks) throw new Fault('invalid', `resolve a path: more than ${maxSymlinks} symlinks`);
      const target = node.image.target(node.inode);
      if (target.startsWith('/')) trail.length = 1;
      names.push(...(target.split('/').toReversed() as ByteString[]));
    }
    return trail.at(-1);
  }
}

/** True if nothing below can shine through at this name. */
function endsMerge(image: ErofsImage, inode: ErofsInode): boolean {
  return inode.type !== 'dir' || isOpaque(image, inode);
}

export function isWhiteout(inode: ErofsInode): boolean {
  return inode.type === 'char' && inode.rdev.major === 0 && inode.rdev.minor === 0;
}

export function isOpaque(image: ErofsImage, inode: ErofsInode): boolean {
  return inode.xattrSize > 0 && image.xattrs(inode).get(opaqueXattr.name) === opaqueXattr.value;
}

const maxSymlinks = 40;

function mergedNode(found: readonly PlacedInode[]): MergedNode | undefined {
  const [top] = found;
  if (top === undefined || isWhiteout(top.inode)) return undefined;
  const rest = found.findIndex(({ inode }) => inode.type !== 'dir');
  return { ...top, stack: rest < 0 ? found : found.slice(0, rest) };
}

function isLast(names: readonly string[]): boolean {
  return names.every((name) => name === '' || name === '.');
}
