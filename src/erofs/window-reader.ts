import { corrupt } from './corrupt.ts';

/** Returns `length` bytes from `offset` on, fewer only at the end. */
export type ReadBytes = (offset: number, length: number) => Uint8Array;

/**
 * Small reads out of a few windows of bytes, the oldest of which moves when a read leaves them all: names, inodes and
 * the directories on the way to them lie in different places of an image.
 */
export class WindowReader {
  readonly #read: ReadBytes;
  readonly #windows: Window[] = [];
  #last: Window = { start: 0, bytes: Buffer.alloc(0) };
  #oldest = 0;

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** Exactly these bytes; they are valid until the next call. A Fault of code `corrupt` where there are fewer. */
  bytes(offset: number, length: number): Buffer {
    if (length > windowBytes) return checkedLength(this.#read(offset, length), length);
    if (!holds(this.#last, offset, length)) {
      this.#last = this.#windows.find((window) => holds(window, offset, length)) ?? this.#move(offset);
    }
    const { start, bytes } = this.#last;
    return checkedLength(bytes.subarray(offset - start, offset - start + length), length);
  }

  #move(offset: number): Window {
    const start = offset - (offset % alignBytes);
    const window = { start, bytes: asBuffer(this.#read(start, windowBytes + alignBytes)) };
    this.#windows[this.#oldest] = window;
    this.#oldest = (this.#oldest + 1) % maxWindows;
    return window;
  }
}

interface Window {
  readonly start: number;
  readonly bytes: Buffer;
}

const windowBytes = 1 << 15;
const alignBytes = 4096;
const maxWindows = 8;

function holds({ start, bytes }: Window, offset: number, length: number): boolean {
  return offset >= start && offset + length <= start + bytes.length;
}

function checkedLength(bytes: Uint8Array, length: number): Buffer {
  if (bytes.length < length) throw corrupt('it ends too early');
  return asBuffer(bytes);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
