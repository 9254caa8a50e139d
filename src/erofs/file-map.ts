import { blockSize, chunkIndexSize } from './format.ts';
import type { SourceExtent } from './inode-table.ts';

/** What a map may point to and copy. */
export interface MapSources {
  /** Bytes of the source that can be pointed to: whole blocks from its start. 0 where nothing can. */
  addressableBytes(source: number): number;
  /** True if the source's bytes can be read, to be stored in the image. */
  canCopy(source: number): boolean;
}

/** A file as chunks of equal size, each a hole, a place in a tar, or bytes that the image itself stores. */
export interface FileMap {
  readonly size: number;
  readonly extents: readonly SourceExtent[];
  /** log2(chunk size / block size). */
  readonly chunkBits: number;
  readonly chunkCount: number;
  /** Blocks of the image that stored chunks take. */
  readonly storedBlocks: number;
}

/** One chunk with data; `extent` is where it lies, undefined if it is stored in the image. */
export interface MappedChunk {
  readonly index: number;
  readonly extent: SourceExtent | undefined;
}

/**
 * The map of a file that costs the fewest bytes of image: large chunks need few indexes, small ones less stored data.
 * Undefined if none stays within `maxMapBytes`, or its bytes can be neither pointed to nor copied.
 */
export function chooseFileMap(
  size: number,
  extents: readonly SourceExtent[],
  options: { readonly sources: MapSources; readonly maxMapBytes: number },
): FileMap | undefined {
  let best: FileMap | undefined;
  let bestCost = Infinity;
  for (let chunkBits = 0; chunkBits <= 31; chunkBits += 1) {
    const chunkSize = blockSize * 2 ** chunkBits;
    const chunkCount = Math.ceil(size / chunkSize);
    if (chunkCount * chunkIndexSize > options.maxMapBytes) continue;
    const map = { size, extents, chunkBits, chunkCount, storedBlocks: 0 };
    const storedBlocks = countStored(map, options.sources);
    const cost = chunkCount * chunkIndexSize + storedBlocks * blockSize;
    if (cost < bestCost) {
      best = { ...map, storedBlocks };
      bestCost = cost;
    }
    if (chunkSize >= size) break;
  }
  return best;
}

/** The one extent that holds the whole file and can be pointed to, if it is so. */
export function wholeExtent(
  size: number,
  extents: readonly SourceExtent[],
  sources: MapSources,
): SourceExtent | undefined {
  const [first] = extents;
  if (first === undefined || extents.length > 1 || first.offset !== 0 || first.length !== size) return undefined;
  return isAddressable(first, { start: 0, end: size }, sources) ? first : undefined;
}

/** Blocks that the chunk `index` takes when it is stored. */
export function chunkBlocks(map: FileMap, index: number): number {
  const chunkSize = blockSize * 2 ** map.chunkBits;
  return Math.ceil(Math.min(chunkSize, map.size - index * chunkSize) / blockSize);
}

/** The chunks with data, ascending. */
export function* mappedChunks(map: FileMap, sources: MapSources): Generator<MappedChunk> {
  const chunkSize = blockSize * 2 ** map.chunkBits;
  let next = 0;
  for (const extent of map.extents) {
    const last = Math.floor((extent.offset + extent.length - 1) / chunkSize);
    for (let index = Math.max(next, Math.floor(extent.offset / chunkSize)); index <= last; index += 1) {
      const range = { start: index * chunkSize, end: Math.min((index + 1) * chunkSize, map.size) };
      yield { index, extent: isAddressable(extent, range, sources) ? extent : undefined };
    }
    next = last + 1;
  }
}

/** Like `mappedChunks`, but counts what is stored without naming each chunk of a long extent. */
function countStored(map: FileMap, sources: MapSources): number {
  const chunkSize = blockSize * 2 ** map.chunkBits;
  let blocks = 0;
  let next = 0;
  for (const extent of map.extents) {
    const first = Math.max(next, Math.floor(extent.offset / chunkSize));
    const last = Math.floor((extent.offset + extent.length - 1) / chunkSize);
    const sharesChunk = Math.floor(extent.offset / chunkSize) < next;
    if (sharesChunk && !sources.canCopy(extent.source)) return Infinity;
    next = Math.max(next, last + 1);
    if (first > last) continue;
    if (!isAligned(extent, sources)) {
      if (!sources.canCopy(extent.source)) return Infinity;
      blocks += ((last - first) * chunkSize) / blockSize + chunkBlocks(map, last);
      continue;
    }
    for (const index of first === last ? [first] : [first, last]) {
      const range = { start: index * chunkSize, end: Math.min((index + 1) * chunkSize, map.size) };
      if (isAddressable(extent, range, sources)) continue;
      if (!sources.canCopy(extent.source)) return Infinity;
      blocks += chunkBlocks(map, index);
    }
  }
  return blocks;
}

function isAligned(extent: SourceExtent, sources: MapSources): boolean {
  return (extent.at - extent.offset) % blockSize === 0 && sources.addressableBytes(extent.source) > 0;
}

/** True if the bytes `range` of the file are one run of whole blocks of the extent's source. */
function isAddressable(
  extent: SourceExtent,
  range: { readonly start: number; readonly end: number },
  sources: MapSources,
): boolean {
  if (!isAligned(extent, sources) || extent.offset > range.start || extent.offset + extent.length < range.end)
    return false;
  const end = extent.at + (range.end - extent.offset);
  return Math.ceil(end / blockSize) * blockSize <= sources.addressableBytes(extent.source);
}
