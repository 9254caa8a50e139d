import type { ByteString } from '../std/index.ts';
import { corrupt } from './corrupt.ts';
import type { ErofsImage } from './erofs-image.ts';
import type { ErofsInode } from './read-inode.ts';
import { isOpaque, isWhiteout } from './merged-tree.ts';
import type { MergedNode, MergedTree } from './merged-tree.ts';

/** What a layer does to one path of what lies below it. */
export interface LayerChange {
  /** Names from the root, joined with slashes, no leading slash. */
  readonly path: ByteString;
  readonly kind: 'added' | 'modified' | 'deleted';
  /** What the layer has there; undefined where it deletes. */
  readonly inode: ErofsInode | undefined;
}

interface Place {
  readonly path: ByteString;
  readonly directory: ErofsInode;
  /** What lower layers have here and still shows through. */
  readonly lower: MergedNode | undefined;
  readonly depth: number;
}

/**
 * The changes that the layer of `image` makes to `below`, parents before what they hold. A directory that only leads to
 * changes, with the metadata that it had, is none itself; the root is never named. `below` is undefined for the bottom.
 *
 * Throws a Fault of code `corrupt` for an image that does not add up.
 */
export function* layerChanges(image: ErofsImage, below: MergedTree | undefined): Generator<LayerChange> {
  const places: Place[] = [{ path: '' as ByteString, directory: image.root, lower: below?.root, depth: 0 }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    if (place.depth > maxDepth) throw corrupt('its directories are nested without end');
    const inner: Place[] = [];
    yield* changesIn({ image, below }, place, inner);
    places.push(...inner.toReversed());
  }
}

interface Layers {
  readonly image: ErofsImage;
  readonly below: MergedTree | undefined;
}

function* changesIn({ image, below }: Layers, place: Place, inner: Place[]): Generator<LayerChange> {
  const seen = new Set<ByteString>();
  for (const { name, nid } of image.readdir(place.directory)) {
    seen.add(name);
    const inode = image.inode(nid);
    const path = (place.path === '' ? name : `${place.path}/${name}`) as ByteString;
    const lower = place.lower === undefined ? undefined : below?.child(place.lower, name);
    const change = changeOf(image, inode, lower);
    if (change !== undefined) yield { path, kind: change, inode: isWhiteout(inode) ? undefined : inode };
    if (inode.type !== 'dir') continue;
    const merged = lower?.inode.type === 'dir' ? lower : undefined;
    inner.push({ path, directory: inode, lower: merged, depth: place.depth + 1 });
  }
  if (!isOpaque(image, place.directory) || place.lower === undefined) return;
  for (const { name } of below?.list(place.lower) ?? []) {
    const path = (place.path === '' ? name : `${place.path}/${name}`) as ByteString;
    if (!seen.has(name)) yield { path, kind: 'deleted', inode: undefined };
  }
}

function changeOf(
  image: ErofsImage,
  inode: ErofsInode,
  lower: MergedNode | undefined,
): LayerChange['kind'] | undefined {
  if (isWhiteout(inode)) return 'deleted';
  if (lower === undefined) return 'added';
  return inode.type === 'dir' && isSameDirectory(image, inode, lower) ? undefined : 'modified';
}

function isSameDirectory(image: ErofsImage, inode: ErofsInode, lower: MergedNode): boolean {
  const before = lower.inode;
  const isSame =
    before.type === 'dir' && before.mode === inode.mode && before.uid === inode.uid && before.gid === inode.gid;
  const isSameTime = before.mtime.sec === inode.mtime.sec && before.mtime.nsec === inode.mtime.nsec;
  return isSame && isSameTime && !isOpaque(image, inode);
}

const maxDepth = 10_000;
