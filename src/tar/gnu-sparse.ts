import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import type { SparseSegment } from './entry.ts';
import type { HeaderBlock } from './header-block.ts';
import { parseDecimal, parseNumber } from './header-numbers.ts';
import type { PaxRecords } from './pax-records.ts';

/** A stretch of a sparse file that holds data; their contents follow each other in the archive. */
export interface DataRegion {
  readonly offset: number;
  readonly length: number;
}

/** How the map of a sparse file is written (GNU tar manual, "Storing Sparse Files"). */
export type SparseFormat = 'old' | '0.x' | '1.0';

/** The regions of a sparse file, read as the blocks that hold them come by. */
export interface SparseMap {
  /** Takes the next block. Not to be called once the map is complete. */
  add(block: Buffer): void;
  readonly isComplete: boolean;
  /** Whether the blocks count as the file's content. */
  readonly isContent: boolean;
  /** In the archive's order, unchecked. */
  readonly regions: readonly DataRegion[];
}

/**
 * Type flag `S` means the old format; the PAX records name the others, or give them away by having a map. Undefined for
 * a file that is not sparse.
 */
export function sparseFormatOf(typeFlag: number, records: PaxRecords): SparseFormat | undefined {
  if (typeFlag === oldSparse) return 'old';
  if (records.size === 0) return undefined;
  const version = `${records.get('GNU.sparse.major') ?? ''}.${records.get('GNU.sparse.minor') ?? ''}`;
  if (version === '0.0' || version === '0.1') return '0.x';
  if (version === '1.0') return version;
  return version === '.' && (records.get('GNU.sparse.map') ?? '') !== '' ? '0.x' : undefined;
}

/** The size of the restored file in a header of the old format. */
export function oldSparseSize(header: HeaderBlock, block: Buffer): number {
  if (header.dialect === 'gnu') return parseNumber(block, 483, 495);
  throw new Fault('unsupported', 'a sparse file in the format of star');
}

/** Formats 0.0 and 0.1: `offset,length,…` in a PAX record. */
export class SparseMapRecord implements SparseMap {
  readonly isComplete = true;
  readonly isContent = false;
  readonly regions: readonly DataRegion[];

  constructor(records: PaxRecords, maxSegments: number) {
    const count = parseDecimal('GNU.sparse.numblocks', records.get('GNU.sparse.numblocks') ?? nothing);
    checkCount(count, maxSegments);
    const map = records.get('GNU.sparse.map') ?? '';
    const numbers = map === '' ? [] : map.split(',').map((each) => parseDecimal('GNU.sparse.map', each as ByteString));
    if (numbers.length !== 2 * count) throw badMap();
    this.regions = pairUp(numbers);
  }

  add(): void {
    throw badMap();
  }
}

/**
 * The old format: four regions in the header block, 21 in each extension block; each says whether another one follows.
 */
export class OldSparseMap implements SparseMap {
  readonly isContent = false;
  readonly regions: DataRegion[] = [];
  readonly #maxSegments: number;
  #isExtended: boolean;

  constructor(header: Buffer, maxSegments: number) {
    this.#maxSegments = maxSegments;
    this.#addRegions(header, 386, 4);
    this.#isExtended = header[482] !== 0;
  }

  get isComplete(): boolean {
    return !this.#isExtended;
  }

  add(block: Buffer): void {
    this.#addRegions(block, 0, 21);
    this.#isExtended = block[504] !== 0;
  }

  #addRegions(block: Buffer, start: number, count: number): void {
    for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24) {
      const offset = parseNumber(block, at, at + 12);
      this.regions.push({ offset, length: parseNumber(block, at + 12, at + 24) });
    }
    checkCount(this.regions.length, this.#maxSegments);
  }
}

/**
 * Format 1.0: decimal numbers, one a line, at the start of the content and padded to a block. The first one says how
 * many pairs follow.
 */
export class SparseMapText implements SparseMap {
  readonly isContent = true;
  readonly #maxSegments: number;
  readonly #numbers: number[] = [];
  #wanted: number | undefined;
  #line = '';

  constructor(maxSegments: number) {
    this.#maxSegments = maxSegments;
  }

  get isComplete(): boolean {
    return this.#numbers.length === this.#wanted;
  }

  get regions(): readonly DataRegion[] {
    return pairUp(this.#numbers);
  }

  add(block: Buffer): void {
    const lines = (this.#line + block.toString('latin1', 0, block.length)).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      if (this.isComplete) return;
      this.#addNumber(parseDecimal('GNU.sparse.map', line as ByteString));
    }
    if (!this.isComplete && this.#line.length > longestNumber) throw badMap();
  }

  #addNumber(number: number): void {
    if (this.#wanted !== undefined) {
      this.#numbers.push(number);
      return;
    }
    checkCount(number, this.#maxSegments);
    this.#wanted = 2 * number;
  }
}

/**
 * Where the regions of a file of `size` bytes lie in an archive that holds their contents from `dataOffset` on, in
 * `storedSize` bytes. Empty regions are left out.
 *
 * Fault `invalid`: regions that are negative, overlap, descend or pass the file's end; more or less content than they
 * need.
 */
export function placeRegions(
  regions: readonly DataRegion[],
  at: { readonly size: number; readonly dataOffset: number; readonly storedSize: number },
): SparseSegment[] {
  const segments: SparseSegment[] = [];
  let fileOffset = 0;
  let stored = 0;
  for (const { offset, length } of regions) {
    if (length < 0 || offset < fileOffset || offset + length > at.size) throw badMap();
    if (length > 0) segments.push({ offset, length, dataOffset: at.dataOffset + stored });
    fileOffset = offset + length;
    stored += length;
  }
  if (at.size < 0 || stored !== at.storedSize) throw badMap();
  return segments;
}

const nothing = '' as ByteString;
const oldSparse = 0x53;
const longestNumber = 32;

function pairUp(numbers: readonly number[]): DataRegion[] {
  const regions: DataRegion[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    regions.push({ offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
  }
  return regions;
}

function checkCount(count: number, max: number): void {
  if (count < 0) throw badMap();
  if (count > max) throw new Fault('exhausted', `a sparse file has more than ${max} segments`);
}

function badMap(): Fault {
  return new Fault('invalid', 'the map of a sparse file is malformed');
}
