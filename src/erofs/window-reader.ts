import { corrupt } from './corrupt.ts';

/** Returns `length` bytes from `offset` on, fewer only at the end. */
export type ReadBytes = (offset: number, length: number) => Uint8Array;

/** Small reads out of one window of bytes, which moves when a read leaves it. */
export class WindowReader {
  readonly #read: ReadBytes;
  #start = 0;
  #window: Buffer = Buffer.alloc(0);

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** Exactly these bytes; they are valid until the next call. A Fault of code `corrupt` where there are fewer. */
  bytes(offset: number, length: number): Buffer {
    if (length > windowBytes) return checkedLength(this.#read(offset, length), length);
    if (offset < this.#start || offset + length > this.#start + this.#window.length) this.#move(offset);
    return checkedLength(this.#window.subarray(offset - this.#start, offset - this.#start + length), length);
  }

  #move(offset: number): void {
    this.#start = offset - (offset % alignBytes);
    this.#window = asBuffer(this.#read(this.#start, windowBytes + alignBytes));
  }
}

const windowBytes = 1 << 15;
const alignBytes = 4096;

function checkedLength(bytes: Uint8Array, length: number): Buffer {
  if (bytes.length < length) throw corrupt('it ends too early');
  return asBuffer(bytes);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
