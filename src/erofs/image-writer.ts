import type { EntryTable } from './entry-table.ts';
import { flagOpaque, rootRow } from './entry-table.ts';
import { chunkBlocks, mappedChunks } from './file-map.ts';
import type { FileMap } from './file-map.ts';
import {
  blockSize,
  chunkFormatIndexes,
  chunkIndexSize,
  inodeFormat,
  inodeSize,
  layoutChunks,
  nullAddress,
  slotSize,
  typeDirectory,
  typeRegular,
  typeSymlink,
  xattrHeaderSize,
} from './format.ts';
import type { ImageLayout, InodePlan } from './image-layout.ts';
import type { ImageSources } from './image-sources.ts';
import type { InodeTable, SourceExtent } from './inode-table.ts';
import { contentInExtents, contentInTar } from './inode-table.ts';
import type { LayerTree } from './layer-tree.ts';
import { opaqueEntry } from './opaque-entry.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { ImageSink } from './layer-index.ts';
import { firstInodeOffset, formatSuperblock, placeDevices } from './superblock.ts';
import type { PlacedDevice } from './superblock.ts';

/** Writes an image, from its first byte to its last, as its layout says. */
export class ImageWriter {
  readonly #table: EntryTable;
  readonly #inodes: InodeTable;
  readonly #layout: ImageLayout;
  readonly #sources: ImageSources;
  readonly #output: OutputBuffer;
  readonly #devices: readonly PlacedDevice[];
  #nextContentBlock: number;
  #nextDataBlock: number;

  constructor(
    tree: LayerTree,
    layout: ImageLayout,
    options: { readonly sources: ImageSources; readonly sink: ImageSink },
  ) {
    this.#table = tree.table;
    this.#inodes = tree.inodes;
    this.#layout = layout;
    this.#sources = options.sources;
    this.#output = new OutputBuffer(options.sink);
    this.#devices = placeDevices(options.sources.devices, layout.blocks);
    this.#nextContentBlock = layout.firstContentBlock;
    this.#nextDataBlock = layout.firstDataBlock;
  }

  write(options: { readonly describesRoot: boolean }): void {
    const { inodes, blocks, nids } = this.#layout;
    const rootNid = nids[this.#table.inode[rootRow] ?? 0] ?? 0;
    const { describesRoot } = options;
    const head = formatSuperblock({ inodes, blocks, rootNid, devices: this.#devices, describesRoot });
    this.#output.write(head.subarray(0, firstInodeOffset(this.#devices.length)));
    for (const row of this.#inodeRows()) this.#writeInode(row);
    this.#output.padTo(this.#layout.firstContentBlock * blockSize);
    const { firstContentBlock, firstDataBlock } = this.#layout;
    if (firstDataBlock > firstContentBlock) this.#eachRow((row) => this.#writeContentBlocks(row));
    if (blocks > firstDataBlock) this.#eachRow((row) => this.#writeStoredChunks(row));
    this.#output.flush();
  }

  /** One row of each inode, in the order of the inodes: a further link's inode lies behind already. */
  *#inodeRows(): Generator<number> {
    for (const row of this.#layout.rows()) {
      const nid = this.#layout.nids[this.#table.inode[row] ?? 0] ?? 0;
      if (nid * slotSize >= this.#output.position) yield row;
    }
  }

  #eachRow(visit: (row: number) => void): void {
    let last = 0;
    for (const row of this.#layout.rows()) {
      const nid = this.#layout.nids[this.#table.inode[row] ?? 0] ?? 0;
      if (nid <= last) continue;
      last = nid;
      visit(row);
    }
  }

  #writeInode(row: number): void {
    const inode = this.#table.inode[row] ?? 0;
    const plan = this.#layout.plan(row);
    const nid = this.#layout.nids[inode] ?? 0;
    this.#output.padTo(nid * slotSize);
    const at = this.#output.reserve(inodeSize);
    const { bytes } = this.#output;
    bytes.writeUInt16LE(inodeFormat(plan.layout), at);
    bytes.writeUInt16LE(plan.xattrSize === 0 ? 0 : 1 + (plan.xattrSize - xattrHeaderSize) / 4, at + 2);
    bytes.writeUInt16LE(this.#inodes.mode[inode] ?? 0, at + 4);
    writeInt64(bytes, plan.size, at + 8);
    bytes.writeUInt32LE(this.#unionOf(inode, plan), at + 16);
    bytes.writeUInt32LE(nid, at + 20);
    bytes.writeUInt32LE(this.#inodes.uid[inode] ?? 0, at + 24);
    bytes.writeUInt32LE(this.#inodes.gid[inode] ?? 0, at + 28);
    writeInt64(bytes, this.#inodes.sec[inode] ?? 0, at + 32);
    bytes.writeUInt32LE(this.#inodes.nsec[inode] ?? 0, at + 40);
    bytes.writeUInt32LE(this.#layout.links[inode] ?? 0, at + 44);
    this.#writeXattrs(row, plan);
    if (plan.map !== undefined) this.#writeChunkIndexes(plan.map);
    else if (plan.tailSize > 0) this.#writeTail(row, plan);
    this.#output.padTo(Math.ceil(this.#output.position / slotSize) * slotSize);
    this.#nextContentBlock += plan.contentBlocks;
  }

  /** The field whose meaning depends on type and layout: first block, chunk format, or device number. */
  #unionOf(inode: number, plan: InodePlan): number {
    const type = this.#inodes.type(inode);
    if (type === typeDirectory || type === typeSymlink) return plan.contentBlocks > 0 ? this.#nextContentBlock : 0;
    if (type !== typeRegular) return this.#inodes.place[inode] ?? 0;
    if (plan.layout === layoutChunks) return chunkFormatIndexes | (plan.map?.chunkBits ?? 0);
    if (plan.size === 0) return 0;
    if (this.#inodes.content[inode] === contentInTar)
      return this.#blockOf(0, (this.#inodes.place[inode] ?? 0) * blockSize);
    const extent = this.#inodes.content[inode] === contentInExtents ? this.#sources.wholeExtent(inode) : undefined;
    return extent === undefined ? 0 : this.#blockOf(extent.source, extent.at);
  }

  #blockOf(source: number, offset: number): number {
    const device = this.#devices[this.#sources.deviceIndex(source)];
    return (device?.firstBlock ?? 0) + offset / blockSize;
  }

  #writeXattrs(row: number, plan: InodePlan): void {
    if (plan.xattrSize === 0) return;
    const inode = this.#table.inode[row] ?? 0;
    this.#output.reserve(xattrHeaderSize);
    this.#output.write(this.#inodes.xattrBytes(inode));
    const isOpaque = this.#inodes.type(inode) === typeDirectory && this.#table.has(row, flagOpaque);
    if (isOpaque) this.#output.write(opaqueEntry);
  }

  #writeTail(row: number, plan: InodePlan): void {
    const inode = this.#table.inode[row] ?? 0;
    const start = plan.size - plan.tailSize;
    if (this.#inodes.type(inode) === typeDirectory)
      this.#writeDirectory(row, { start, end: plan.size, padBlocks: false });
    else this.#output.write(this.#targetBytes(inode, start, plan.size));
  }

  #writeContentBlocks(row: number): void {
    const inode = this.#table.inode[row] ?? 0;
    const type = this.#inodes.type(inode);
    if (type !== typeDirectory && type !== typeSymlink) return;
    const plan = this.#layout.plan(row);
    if (plan.contentBlocks === 0) return;
    const end = plan.size - plan.tailSize;
    if (type === typeDirectory) this.#writeDirectory(row, { start: 0, end, padBlocks: true });
    else this.#output.write(this.#targetBytes(inode, 0, end));
    this.#output.padTo(Math.ceil(this.#output.position / blockSize) * blockSize);
  }

  #writeDirectory(
    row: number,
    range: { readonly start: number; readonly end: number; readonly padBlocks: boolean },
  ): void {
    const output = { buffer: this.#output, nids: this.#layout.nids, padBlocks: range.padBlocks };
    this.#layout.directories.write(row, range, output);
  }

  #targetBytes(inode: number, start: number, end: number): Buffer {
    const at = this.#inodes.place[inode] ?? 0;
    return this.#table.names.bytes.subarray(at + start, at + end);
  }

  #writeChunkIndexes(map: FileMap): void {
    this.#output.padTo(Math.ceil(this.#output.position / chunkIndexSize) * chunkIndexSize);
    let next = 0;
    for (const { index, extent } of mappedChunks(map, this.#sources)) {
      for (; next < index; next += 1) this.#writeChunkIndex(0, nullAddress);
      next = index + 1;
      if (extent === undefined) {
        this.#writeChunkIndex(0, this.#nextDataBlock);
        this.#nextDataBlock += chunkBlocks(map, index);
      } else {
        const offset = extent.at + (index * blockSize * 2 ** map.chunkBits - extent.offset);
        this.#writeChunkIndex(this.#sources.deviceIndex(extent.source) + 1, offset / blockSize);
      }
    }
    for (; next < map.chunkCount; next += 1) this.#writeChunkIndex(0, nullAddress);
  }

  #writeChunkIndex(device: number, block: number): void {
    const at = this.#output.reserve(chunkIndexSize);
    this.#output.bytes.writeUInt16LE(device, at + 2);
    this.#output.bytes.writeUInt32LE(block, at + 4);
  }

  #writeStoredChunks(row: number): void {
    const inode = this.#table.inode[row] ?? 0;
    if (this.#inodes.content[inode] !== contentInTar && this.#inodes.content[inode] !== contentInExtents) return;
    const { map } = this.#layout.plan(row);
    if (map === undefined || map.storedBlocks === 0) return;
    let first = 0;
    for (const { index, extent } of mappedChunks(map, this.#sources)) {
      if (extent === undefined) first = this.#storeChunk(map, index, first);
    }
  }

  /** Writes one chunk from its extents, of which those before `firstExtent` lie before it. Returns the next such. */
  #storeChunk(map: FileMap, index: number, firstExtent: number): number {
    const start = index * blockSize * 2 ** map.chunkBits;
    const end = start + chunkBlocks(map, index) * blockSize;
    const base = this.#output.position - start;
    let first = firstExtent;
    while (first < map.extents.length && endOf(map.extents[first]) <= start) first += 1;
    for (let each = first; each < map.extents.length && (map.extents[each]?.offset ?? end) < end; each += 1) {
      const extent = map.extents[each];
      if (extent === undefined) break;
      const from = Math.max(start, extent.offset);
      this.#output.padTo(base + from);
      this.#copy(extent, from, Math.min(end, endOf(extent)));
    }
    this.#output.padTo(base + end);
    return first;
  }

  #copy(extent: SourceExtent, from: number, to: number): void {
    for (let at = from; at < to; at += copyBytes) {
      const length = Math.min(copyBytes, to - at);
      this.#output.write(this.#sources.read(extent.source, extent.at + (at - extent.offset), length));
    }
  }
}

const copyBytes = 1 << 18;

function endOf(extent: SourceExtent | undefined): number {
  return extent === undefined ? 0 : extent.offset + extent.length;
}

/** Two's complement; `value` is a safe integer. */
function writeInt64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value >>> 0, at);
  bytes.writeInt32LE(Math.floor(value / 2 ** 32), at + 4);
}
