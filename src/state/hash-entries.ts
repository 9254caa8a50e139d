import type { FileStatus } from '../host/index.ts';
import { bytesFrom } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';

/** What tells that a file is as it was. */
export type FileStamp = Pick<FileStatus, 'dev' | 'inoHigh' | 'inoLow' | 'ctime' | 'mtime' | 'size'>;

export interface HashedFile {
  readonly status: FileStamp;
  /** The 32 bytes of the sha256 of the content. */
  readonly hash: ByteString;
}

/**
 * The files of one directory as they are kept: entries of one length, in the order of inode numbers, searched where they
 * are. A build in which nothing changed looks up every file, so none is made an object of.
 */
export class HashEntries {
  readonly #bytes: Buffer;
  /** The same memory. */
  readonly #words: Uint32Array;
  readonly #floats: Float64Array;
  readonly #isAsked: Uint8Array;

  constructor(bytes: Uint8Array) {
    // Aligned, as typed arrays want it.
    const { buffer, byteOffset } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
    const count = Math.floor(bytes.length / entryBytes);
    this.#bytes = Buffer.from(buffer, byteOffset, count * entryBytes);
    this.#words = new Uint32Array(buffer, byteOffset, (count * entryBytes) / 4);
    this.#floats = new Float64Array(buffer, byteOffset, (count * entryBytes) / 8);
    this.#isAsked = new Uint8Array(count);
  }

  get count(): number {
    return this.#isAsked.length;
  }

  hashOf(status: FileStamp): ByteString | undefined {
    const index = this.#find(status);
    if (index < 0 || !this.#isSame(index, status)) return undefined;
    this.#isAsked[index] = 1;
    return bytesFrom(this.#bytes, index * entryBytes + hashAt, (index + 1) * entryBytes);
  }

  /** The entries whose hash was given, and those of `files`. */
  asked(files: readonly HashedFile[]): Uint8Array {
    const entries = files.map(packEntry);
    for (let index = 0; index < this.count; index += 1) {
      if (this.#isAsked[index] === 1) entries.push(this.#bytes.subarray(index * entryBytes, (index + 1) * entryBytes));
    }
    return Buffer.concat(entries.toSorted(compareInodes));
  }

  /** The entry with this inode number, or -1. */
  #find({ inoHigh, inoLow }: FileStamp): number {
    const words = this.#words;
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = middle * entryWords;
      const order = (words[at + 1] ?? 0) - inoHigh || (words[at] ?? 0) - inoLow;
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #isSame(index: number, { size, ctime, mtime }: FileStamp): boolean {
    const [words, floats] = [this.#words, this.#floats];
    const word = index * entryWords;
    const float = word / 2;
    return (
      floats[float + 1] === size &&
      floats[float + 2] === ctime.sec &&
      floats[float + 3] === mtime.sec &&
      words[word + 8] === ctime.nsec &&
      words[word + 9] === mtime.nsec
    );
  }
}

/** One entry: inode u64, size f64, ctime and mtime seconds f64, their nanoseconds u32, hash. Little-endian. */
const hashAt = 8 + 8 + 8 + 8 + 4 + 4;
const entryBytes = hashAt + 32;
const entryWords = entryBytes / 4;

function packEntry({ status, hash }: HashedFile): Buffer {
  const entry = Buffer.alloc(entryBytes);
  entry.writeUInt32LE(status.inoLow, 0);
  entry.writeUInt32LE(status.inoHigh, 4);
  entry.writeDoubleLE(status.size, 8);
  entry.writeDoubleLE(status.ctime.sec, 16);
  entry.writeDoubleLE(status.mtime.sec, 24);
  entry.writeUInt32LE(status.ctime.nsec, 32);
  entry.writeUInt32LE(status.mtime.nsec, 36);
  entry.write(hash, hashAt, 'latin1');
  return entry;
}

function compareInodes(a: Buffer, b: Buffer): number {
  return a.readUInt32LE(4) - b.readUInt32LE(4) || a.readUInt32LE(0) - b.readUInt32LE(0);
}
