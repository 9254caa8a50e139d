import { Fault } from '../errors/index.ts';
import type { ChildIndex } from './child-index.ts';
import { DirectoryBlocks } from './directory-blocks.ts';
import { flagOpaque, rootRow } from './entry-table.ts';
import type { FileMap } from './file-map.ts';
import type { ImageSources } from './image-sources.ts';
import {
  blockSize,
  blocksFor,
  chunkIndexSize,
  inodeSize,
  layoutChunks,
  layoutInline,
  layoutPlain,
  roundUp,
  slotSize,
  typeDirectory,
  typeRegular,
  typeSymlink,
  xattrHeaderSize,
} from './format.ts';
import { contentInExtents, contentInTar } from './inode-table.ts';
import type { LayerTree } from './layer-tree.ts';
import { firstInodeOffset } from './superblock.ts';
import { opaqueEntry } from './opaque-entry.ts';

/** How one inode is stored. One object that is overwritten for each inode. */
export interface InodePlan {
  layout: number;
  /** `i_size`. */
  size: number;
  /** Bytes of inline attributes, header included. */
  xattrSize: number;
  /** Content bytes that follow the inode. */
  tailSize: number;
  /** Blocks in the image's content area (directories and long symlinks). */
  contentBlocks: number;
  /** Map of a file in chunks. */
  map: FileMap | undefined;
}

/**
 * Where everything of an image is: superblock and device table, inodes with what is inline, content blocks, stored data.
 *
 * Inodes follow the order of directories and names, so that what is listed together is read together. The layout is
 * computed once to learn every number, and again, step by step, while the image is written: only the numbers are kept.
 */
export class ImageLayout {
  /** By inode; 0 where an inode is not part of the image. */
  readonly nids: Uint32Array;
  readonly links: Uint32Array;
  readonly inodes: number;
  /** Areas, in blocks from the image's start. */
  readonly firstContentBlock: number;
  readonly firstDataBlock: number;
  readonly blocks: number;
  readonly directories: DirectoryBlocks;
  readonly #tree: LayerTree;
  readonly #children: ChildIndex;
  readonly #sources: ImageSources;
  readonly #plan: InodePlan = { layout: 0, size: 0, xattrSize: 0, tailSize: 0, contentBlocks: 0, map: undefined };

  constructor(tree: LayerTree, children: ChildIndex, options: { readonly sources: ImageSources }) {
    this.#tree = tree;
    this.#children = children;
    this.#sources = options.sources;
    this.directories = new DirectoryBlocks(tree, children);
    this.nids = new Uint32Array(tree.inodes.count);
    this.links = new Uint32Array(tree.inodes.count);
    this.#countLinks();
    let end = firstInodeOffset(options.sources.devices.length);
    let inodes = 0;
    let contentBlocks = 0;
    let dataBlocks = 0;
    for (const row of this.rows()) {
      const inode = tree.table.inode[row] ?? 0;
      if (this.nids[inode] !== 0) continue;
      const plan = this.plan(row);
      const at = this.place(end, plan);
      this.nids[inode] = at / slotSize;
      end = this.endOf(at, plan);
      inodes += 1;
      contentBlocks += plan.contentBlocks;
      dataBlocks += plan.map?.storedBlocks ?? 0;
    }
    this.inodes = inodes;
    this.firstContentBlock = blocksFor(Math.max(end, minImageBytes));
    this.firstDataBlock = this.firstContentBlock + contentBlocks;
    this.blocks = this.firstDataBlock + dataBlocks;
    if (this.blocks >= 0xffffffff) throw new Fault('unsupported', 'write an EROFS image: it would exceed 2 TiB');
  }

  /** The root, then every other row, directory by directory. */
  *rows(): Generator<number> {
    yield rootRow;
    for (const row of this.#children.rows) yield row;
  }

  /** How the inode at `row` is stored; valid until the next call. */
  plan(row: number): InodePlan {
    const { table, inodes } = this.#tree;
    const plan = this.#plan;
    const inode = table.inode[row] ?? 0;
    const type = inodes.type(inode);
    const isOpaque = table.has(row, flagOpaque) && type === typeDirectory;
    const entries = inodes.xattrBytes(inode).length + (isOpaque ? opaqueEntry.length : 0);
    plan.layout = layoutPlain;
    plan.size = type === typeDirectory ? this.directories.measure(row) : (inodes.size[inode] ?? 0);
    plan.xattrSize = entries === 0 ? 0 : xattrHeaderSize + entries;
    plan.tailSize = 0;
    plan.contentBlocks = 0;
    plan.map = undefined;
    if (type === typeRegular) this.#planFile(inode, plan);
    else if (type === typeDirectory || type === typeSymlink) planContent(plan);
    return plan;
  }

  /** Offset of an inode that may begin at `offset` or later: inline content must not cross a block. */
  place(offset: number, plan: InodePlan): number {
    if (plan.layout !== layoutInline || fitsInline(offset, plan)) return offset;
    const start = offset + inodeSize + plan.xattrSize;
    return offset + roundUp(roundUp(start, blockSize) - start, slotSize);
  }

  /** Offset behind an inode at `at`, where the next may begin. */
  endOf(at: number, plan: InodePlan): number {
    const behind = at + inodeSize + plan.xattrSize;
    if (plan.map === undefined) return roundUp(behind + plan.tailSize, slotSize);
    return roundUp(roundUp(behind, chunkIndexSize) + plan.map.chunkCount * chunkIndexSize, slotSize);
  }

  #countLinks(): void {
    const { table, inodes } = this.#tree;
    for (const row of this.rows()) {
      const inode = table.inode[row] ?? 0;
      this.links[inode] = (this.links[inode] ?? 0) + 1;
      if (inodes.type(inode) === typeDirectory) {
        this.links[inode] = (this.links[inode] ?? 0) + 1;
        const parent = table.inode[table.parent[row] ?? rootRow] ?? 0;
        if (row !== rootRow) this.links[parent] = (this.links[parent] ?? 0) + 1;
      }
    }
  }

  #planFile(inode: number, plan: InodePlan): void {
    const { inodes } = this.#tree;
    const content = inodes.content[inode];
    const isPlain = content === contentInTar && this.#sources.isWholeInTar(inode);
    if ((content !== contentInTar && content !== contentInExtents) || isPlain || plan.size === 0) return;
    if (this.#sources.wholeExtent(inode) !== undefined) return;
    plan.layout = layoutChunks;
    plan.map = this.#sources.fileMap(inode);
  }
}

/** The superblock's checksum covers the first three blocks. */
const minImageBytes = 3 * blockSize;

/** The last, partial block goes behind the inode where it fits there, all others into the content area. */
function planContent(plan: InodePlan): void {
  const tail = plan.size % blockSize;
  const inlineFits = tail > 0 && (plan.xattrSize % slotSize) + tail <= blockSize - slotSize;
  plan.layout = inlineFits ? layoutInline : layoutPlain;
  plan.tailSize = inlineFits ? tail : 0;
  plan.contentBlocks = inlineFits ? (plan.size - tail) / blockSize : blocksFor(plan.size);
}

function fitsInline(offset: number, plan: InodePlan): boolean {
  const start = (offset + inodeSize + plan.xattrSize) % blockSize;
  return start + plan.tailSize <= blockSize;
}
