import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { blockSize, paddingOf } from './blocks.ts';
import { describeMember, withSparseRecords } from './describe-member.ts';
import type { Extensions } from './describe-member.ts';
import type { TarEntry, TarPlace } from './entry.ts';
import type { SparseFormat, SparseMap } from './gnu-sparse.ts';
import {
  OldSparseMap,
  SparseMapRecord,
  SparseMapText,
  oldSparseSize,
  placeRegions,
  sparseFormatOf,
} from './gnu-sparse.ts';
import type { HeaderBlock } from './header-block.ts';
import { fieldText, parseHeaderBlock } from './header-block.ts';
import type { PaxRecords } from './pax-records.ts';
import { noRecords, parsePaxRecords } from './pax-records.ts';
import type { TarLimits } from './tar-limits.ts';

/** What a run of header bytes led to. */
export type Step =
  /** The headers go on: the next `length` bytes are wanted in one run. */
  | { readonly kind: 'gather'; readonly length: number }
  /** `content` bytes and `padding` follow, those of `member` where there is one; then comes a header block. */
  | { readonly kind: 'pass'; readonly content: number; readonly padding: number; readonly member: Member | undefined }
  /** This was the end marker. */
  | { readonly kind: 'end' };

export interface Member {
  readonly entry: TarEntry;
  readonly place: TarPlace;
}

export interface MemberReaderOptions {
  readonly limits: TarLimits;
  readonly appliesGlobals: boolean;
}

/**
 * Makes members of header blocks and what extends them: PAX headers, GNU long names, sparse maps. It is given one run
 * at a time, the first one being a header block, and answers what is to follow.
 */
export class MemberReader {
  readonly #limits: TarLimits;
  readonly #appliesGlobals: boolean;
  #expects: 'header' | 'second-zeros' | 'extension' | 'sparse-map' = 'header';
  #headerOffset: number | undefined;
  #extensionFlag = 0;
  #globals = noRecords;
  #extensions = noExtensions;
  #sparse: PendingSparse | undefined;

  constructor(options: MemberReaderOptions) {
    this.#limits = options.limits;
    this.#appliesGlobals = options.appliesGlobals;
  }

  /** True where an archive may end: before a header block, also after one block of zeros. */
  get isBetweenMembers(): boolean {
    return this.#expects === 'header' || this.#expects === 'second-zeros';
  }

  /** `end` is the offset in the archive of the first byte after `run`. */
  accept(run: Buffer, end: number): Step {
    this.#headerOffset ??= end - run.length;
    try {
      return this.#interpret(run, end);
    } catch (error) {
      throw Fault.wrap(`read tar: member at byte ${this.#headerOffset}`, error);
    }
  }

  #interpret(run: Buffer, end: number): Step {
    switch (this.#expects) {
      case 'header':
        return this.#readHeader(run, end);
      case 'extension':
        return this.#readExtension(run);
      case 'sparse-map':
        return this.#readSparseMap(run, end);
      case 'second-zeros':
        if (parseHeaderBlock(run) !== undefined) throw new Fault('invalid', 'a header follows a block of zeros');
        return { kind: 'end' };
    }
  }

  #readHeader(block: Buffer, end: number): Step {
    const header = parseHeaderBlock(block);
    if (header === undefined) return this.#gather('second-zeros');
    if (extensionFlags.has(header.typeFlag)) return this.#startExtension(header);
    const { entry, storedSize } = describeMember(header, this.#extensions, this.#limits);
    if (entry === undefined) return this.#pass(storedSize, undefined);
    const format = sparseFormatOf(header.typeFlag, this.#extensions.records);
    if (format !== undefined) return this.#startSparse(format, entry, { header, block, storedSize, end });
    const dataSize = entry.type === 'file' ? storedSize : 0;
    return this.#pass(storedSize, { entry, place: this.#placeOf(end, dataSize, undefined) });
  }

  #startExtension(header: HeaderBlock): Step {
    const { size } = header;
    if (size < 0) throw new Fault('invalid', 'an extension header has a negative size');
    if (size > this.#limits.extensionBytes) {
      throw new Fault('exhausted', `an extension header is larger than ${this.#limits.extensionBytes} bytes`);
    }
    this.#extensionFlag = header.typeFlag;
    return size === 0 ? this.#readExtension(empty) : this.#gather('extension', size);
  }

  #readExtension(body: Buffer): Step {
    const flag = String.fromCharCode(this.#extensionFlag);
    if (flag === 'L') this.#extensions = { ...this.#extensions, longName: fieldText(body, 0, body.length) };
    if (flag === 'K') this.#extensions = { ...this.#extensions, longLink: fieldText(body, 0, body.length) };
    if (flag === 'x') this.#extensions = { ...this.#extensions, records: this.#overGlobals(parsePaxRecords(body)) };
    if (flag === 'g') this.#readGlobals(parsePaxRecords(body));
    this.#expects = 'header';
    return { kind: 'pass', content: 0, padding: paddingOf(body.length), member: undefined };
  }

  #readGlobals(records: PaxRecords): void {
    if (this.#appliesGlobals) this.#globals = this.#overGlobals(globalPart(records));
    this.#forgetExtensions();
  }

  #overGlobals(records: PaxRecords): PaxRecords {
    return this.#globals.size === 0 ? records : new Map([...this.#globals, ...records]);
  }

  #startSparse(format: SparseFormat, dense: TarEntry, at: SparseStart): Step {
    if (dense.type !== 'file') throw new Fault('invalid', 'what is no file has a sparse map');
    const { storedSize } = at;
    const { records } = this.#extensions;
    const max = this.#limits.sparseSegments;
    if (format === 'old') {
      const entry = { ...dense, size: oldSparseSize(at.header, at.block) };
      this.#sparse = { entry, storedSize, map: new OldSparseMap(at.block, max) };
    } else {
      const entry = withSparseRecords(dense, records, this.#limits);
      const map = format === '1.0' ? new SparseMapText(max) : new SparseMapRecord(records, max);
      this.#sparse = { entry, storedSize, map };
    }
    return this.#continueSparse(this.#sparse, at.end);
  }

  #readSparseMap(block: Buffer, end: number): Step {
    const sparse = this.#sparse;
    if (sparse === undefined) throw new Fault('internal', 'a sparse map without a sparse file');
    sparse.map.add(block);
    if (sparse.map.isContent) sparse.storedSize -= block.length;
    return this.#continueSparse(sparse, end);
  }

  #continueSparse({ entry, storedSize, map }: PendingSparse, end: number): Step {
    if (!map.isComplete) return this.#gather('sparse-map');
    const segments = placeRegions(map.regions, { size: entry.size, dataOffset: end, storedSize });
    return this.#pass(storedSize, { entry, place: this.#placeOf(end, storedSize, segments) });
  }

  #placeOf(dataOffset: number, storedSize: number, segments: TarPlace['segments']): TarPlace {
    return { headerOffset: this.#headerOffset ?? 0, dataOffset, storedSize, segments };
  }

  #gather(expects: 'second-zeros' | 'extension' | 'sparse-map', length = blockSize): Step {
    this.#expects = expects;
    return { kind: 'gather', length };
  }

  #pass(content: number, member: Member | undefined): Step {
    this.#expects = 'header';
    this.#sparse = undefined;
    this.#forgetExtensions();
    return { kind: 'pass', content, padding: paddingOf(content), member };
  }

  #forgetExtensions(): void {
    this.#headerOffset = undefined;
    this.#extensions = this.#globals.size === 0 ? noExtensions : { ...noExtensions, records: this.#globals };
  }
}

interface SparseStart {
  readonly header: HeaderBlock;
  readonly block: Buffer;
  readonly storedSize: number;
  readonly end: number;
}

interface PendingSparse {
  readonly entry: TarEntry;
  readonly map: SparseMap;
  /** Content bytes after those of the map that were read. */
  storedSize: number;
}

const empty = Buffer.alloc(0);
const noExtensions: Extensions = { records: noRecords, longName: '' as ByteString, longLink: '' as ByteString };

/**
 * Of global records those that can mean something for many members. What is kept of them is so bounded, however many
 * global headers an archive has.
 */
function globalPart(records: PaxRecords): PaxRecords {
  return new Map([...records].filter(([key]) => globalKeys.has(key)));
}

const globalKeys: ReadonlySet<string> = new Set(['gid', 'linkpath', 'mtime', 'path', 'size', 'uid']);

/** `x` and `g` of PAX, `L` and `K` of GNU. */
const extensionFlags: ReadonlySet<number> = new Set(Buffer.from('xgLK'));
