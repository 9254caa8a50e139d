import { Fault } from '../errors/index.ts';
import { showBytes } from '../std/index.ts';
import { flagDead, flagWhiteout } from './entry-table.ts';
import type { ErofsImage } from './erofs-image.ts';
import { encodeDevice, typeDirectory } from './format.ts';
import { contentBelow } from './inode-table.ts';
import type { SourceExtent } from './inode-table.ts';
import { cleanPath } from './path-cleaning.ts';
import type { LayerTree } from './layer-tree.ts';
import { fileMode } from './lower-meta.ts';
import type { MergedNode, MergedTree } from './merged-tree.ts';
import type { Device } from './superblock.ts';
import { encodeXattrs, keptXattrs } from './xattr-codec.ts';

/** Where content of a lower file is: in a lower layer's tar, or stored in that layer's image. */
export type ContentSource =
  | { readonly kind: 'device'; readonly device: Device }
  | { readonly kind: 'image'; readonly image: ErofsImage };

/**
 * Gives hard links to files of lower layers what they link to: the layer's inode gets the lower file's metadata and
 * points to its content where it lies. Links to one lower file share one inode.
 */
export function resolveLowerLinks(tree: LayerTree, below: MergedTree | undefined): ContentSource[] {
  const links = new LowerLinks(tree, below);
  const { table, inodes } = tree;
  for (let row = 1; row < table.count; row += 1) {
    const inode = table.inode[row] ?? 0;
    if (!table.has(row, flagDead) && inodes.content[inode] === contentBelow)
      table.inode[row] = links.resolve(row, inode);
  }
  return links.sources;
}

class LowerLinks {
  readonly sources: ContentSource[] = [];
  readonly #tree: LayerTree;
  readonly #below: MergedTree | undefined;
  readonly #shared = new Map<ErofsImage, Map<number, number>>();

  constructor(tree: LayerTree, below: MergedTree | undefined) {
    this.#tree = tree;
    this.#below = below;
  }

  /** The inode for the link at `row`, whose own `inode` only holds the path. */
  resolve(row: number, inode: number): number {
    const { table, inodes } = this.#tree;
    const path = table.names.text(inodes.place[inode] ?? 0, inodes.size[inode] ?? 0);
    const node = this.#below?.lookup(path);
    if (node !== undefined && node.inode.type !== 'dir') return this.#shareLower(node, inode);
    const { row: later, missing } = this.#tree.walk(cleanPath(path));
    const found = table.inode[later] ?? 0;
    const isUsable = missing.length === 0 && later !== row && !table.has(later, flagWhiteout);
    if (isUsable && this.#tree.typeOf(later) !== typeDirectory && inodes.content[found] !== contentBelow) return found;
    const shown = showBytes(table.path(row));
    throw new Fault(
      'invalid',
      `index the layer: ${shown} is a hard link to ${showBytes(path)}, which is not a file there`,
    );
  }

  #shareLower(node: MergedNode, inode: number): number {
    const ofImage = this.#shared.get(node.image) ?? new Map<number, number>();
    this.#shared.set(node.image, ofImage);
    const known = ofImage.get(node.inode.nid);
    if (known !== undefined) return known;
    this.#copyLower(node, inode);
    ofImage.set(node.inode.nid, inode);
    return inode;
  }

  #copyLower({ image, inode: lower }: MergedNode, inode: number): void {
    const { table, inodes } = this.#tree;
    inodes.setMeta(inode, { ...lower, mode: fileMode(lower) });
    inodes.setXattrs(inode, encodeXattrs(keptXattrs(image.xattrs(lower))));
    inodes.content[inode] = 0;
    inodes.size[inode] = lower.size;
    if (lower.type === 'file') inodes.setExtents(inode, this.#extentsOf({ image, inode: lower, stack: [] }));
    else if (lower.type === 'symlink') inodes.place[inode] = table.names.append(image.target(lower), 0, lower.size);
    else inodes.place[inode] = encodeDevice(lower.rdev.major, lower.rdev.minor);
  }

  #extentsOf({ image, inode }: MergedNode): SourceExtent[] {
    const extents: SourceExtent[] = [];
    for (const { offset, length, device, deviceOffset } of image.extents(inode)) {
      extents.push({ offset, length, at: deviceOffset, source: this.#sourceOf(image, device) });
    }
    return extents;
  }

  /** The number of the source, counted from 1: 0 is the layer's own tar. */
  #sourceOf(image: ErofsImage, device: number): number {
    const found = image.devices[device - 1];
    const source: ContentSource = found === undefined ? { kind: 'image', image } : { kind: 'device', device: found };
    const known = this.sources.findIndex((each) => isSame(each, source));
    return known < 0 ? this.sources.push(source) : known + 1;
  }
}

function isSame(a: ContentSource, b: ContentSource): boolean {
  if (a.kind === 'device') return b.kind === 'device' && a.device.tag === b.device.tag;
  return b.kind === 'image' && a.image === b.image;
}
