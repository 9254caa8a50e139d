import { Fault } from '../errors/index.ts';
import type { Timestamp } from '../std/index.ts';
import type { ByteArena } from './byte-arena.ts';
import { typeMask } from './format.ts';
import { enlarged, growthFactor } from './enlarged.ts';
import type { IndexLimits } from './limits.ts';

/** The inode has no content, or content of another kind than a file's. */
export const contentNone = 0;
/** `place` is the block of the tar where the content begins. */
export const contentInTar = 1;
/** `place` is the index of the file's extents. */
export const contentInExtents = 2;
/** Not an inode yet: a hard link to a path of a lower layer. `place` and `size` say where the path is in the text. */
export const contentBelow = 3;

/** What every inode has. */
export interface InodeMeta {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
}

/** Bytes `[offset, offset + length)` of a file are at `at` of its source (0: the layer's tar). Holes are left out. */
export interface SourceExtent {
  readonly offset: number;
  readonly length: number;
  readonly at: number;
  readonly source: number;
}

/**
 * The inodes of a layer in columns. A later entry has a higher number, so the number also says which of two came last.
 *
 * `place` depends on the type: a file's content (see `content`), where a symlink's target is in the text, a device's
 * number. `size` is the length of a file or of a symlink's target. `xattrs` is where the encoded attributes are in the
 * text, plus one, after four bytes that hold their length; 0 for none.
 */
export class InodeTable {
  count = 0;
  mode: Uint16Array<ArrayBuffer> = new Uint16Array(initialRows);
  uid: Uint32Array<ArrayBuffer> = new Uint32Array(initialRows);
  gid: Uint32Array<ArrayBuffer> = new Uint32Array(initialRows);
  sec: Float64Array<ArrayBuffer> = new Float64Array(initialRows);
  nsec: Uint32Array<ArrayBuffer> = new Uint32Array(initialRows);
  size: Float64Array<ArrayBuffer> = new Float64Array(initialRows);
  place: Uint32Array<ArrayBuffer> = new Uint32Array(initialRows);
  xattrs: Uint32Array<ArrayBuffer> = new Uint32Array(initialRows);
  content: Uint8Array<ArrayBuffer> = new Uint8Array(initialRows);
  readonly #text: ByteArena;
  readonly #maxSegments: number;
  #extents: SourceExtent[][] = [];
  #extentCount = 0;
  #xattrsSeen = new Map<string, number>();

  constructor(text: ByteArena, limits: IndexLimits) {
    this.#text = text;
    this.#maxSegments = limits.maxSegments;
  }

  /** A new inode without content. */
  add(meta: InodeMeta): number {
    const inode = this.count;
    if (inode === this.mode.length) this.#growColumns();
    this.count = inode + 1;
    this.setMeta(inode, meta);
    return inode;
  }

  setMeta(inode: number, meta: InodeMeta): void {
    this.mode[inode] = meta.mode;
    this.uid[inode] = meta.uid;
    this.gid[inode] = meta.gid;
    this.sec[inode] = meta.mtime.sec;
    this.nsec[inode] = meta.mtime.nsec;
  }

  type(inode: number): number {
    return (this.mode[inode] ?? 0) & typeMask;
  }

  setExtents(inode: number, extents: SourceExtent[]): void {
    this.#extentCount += extents.length;
    if (this.#extentCount > this.#maxSegments) {
      throw new Fault('exhausted', `index the layer: more than ${this.#maxSegments} segments of sparse files`);
    }
    this.content[inode] = contentInExtents;
    this.place[inode] = this.#extents.length;
    this.#extents.push(extents);
  }

  extents(inode: number): readonly SourceExtent[] {
    return this.#extents[this.place[inode] ?? 0] ?? [];
  }

  /** Gives `inode` attributes as `encodeXattrs` wrote them; equal ones are mostly kept once. */
  setXattrs(inode: number, encoded: Buffer): void {
    this.xattrs[inode] = encoded.length === 0 ? 0 : this.#keepXattrs(encoded) + 1;
  }

  xattrBytes(inode: number): Buffer {
    const at = (this.xattrs[inode] ?? 0) - 1;
    if (at < 0) return noBytes;
    const length = this.#text.bytes.readUInt32LE(at);
    return this.#text.bytes.subarray(at + 4, at + 4 + length);
  }

  #keepXattrs(encoded: Buffer): number {
    const key = encoded.toString('latin1');
    const known = this.#xattrsSeen.get(key);
    if (known !== undefined) return known;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(encoded.length);
    const at = this.#text.appendBytes(length);
    this.#text.appendBytes(encoded);
    if (this.#xattrsSeen.size < maxXattrsSeen) this.#xattrsSeen.set(key, at);
    return at;
  }

  /** Gives all memory back; the table is of no use afterwards. */
  release(): void {
    const { mode, uid, gid, sec, nsec, size, place, xattrs, content } = this;
    const columns = [mode, uid, gid, sec, nsec, size, place, xattrs, content];
    for (const { buffer } of columns) if (!buffer.detached) buffer.transfer(0);
    this.#extents = [];
  }

  #growColumns(): void {
    const rows = this.mode.length * growthFactor;
    this.mode = new Uint16Array(enlarged(this.mode.buffer, rows * 2));
    this.uid = new Uint32Array(enlarged(this.uid.buffer, rows * 4));
    this.gid = new Uint32Array(enlarged(this.gid.buffer, rows * 4));
    this.sec = new Float64Array(enlarged(this.sec.buffer, rows * 8));
    this.nsec = new Uint32Array(enlarged(this.nsec.buffer, rows * 4));
    this.size = new Float64Array(enlarged(this.size.buffer, rows * 8));
    this.place = new Uint32Array(enlarged(this.place.buffer, rows * 4));
    this.xattrs = new Uint32Array(enlarged(this.xattrs.buffer, rows * 4));
    this.content = new Uint8Array(enlarged(this.content.buffer, rows));
  }
}

const initialRows = 1024;
const maxXattrsSeen = 4096;
const noBytes = Buffer.alloc(0);
