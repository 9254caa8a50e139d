import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { faulting } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';

/** A file of the store that is read at any place. */
export class FileReader implements Disposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #fd: number;

  constructor(path: string) {
    this.path = path;
    this.#fd = faulting('open', bytesOf(path), () => openSync(path, 'r'));
    this.sizeBytes = fstatSync(this.#fd).size;
  }

  /** `length` bytes from `offset` on, fewer only at the file's end. They are the caller's. */
  readonly read = (offset: number, length: number): Uint8Array => this.readInto(Buffer.allocUnsafeSlow(length), offset);

  /** As many bytes from `offset` on as `buffer` takes, fewer only at the file's end: a view of `buffer`. */
  readInto(buffer: Uint8Array, offset: number): Uint8Array {
    let done = 0;
    for (let count = -1; done < buffer.length && count !== 0; done += count) {
      count = readSync(this.#fd, buffer, done, buffer.length - done, offset + done);
    }
    return buffer.subarray(0, done);
  }

  /** As `read`, but a file that ends before is a `corrupt` Fault. */
  readExactly(offset: number, length: number): Uint8Array {
    const bytes = this.read(offset, length);
    if (bytes.length === length) return bytes;
    throw new Fault('corrupt', `read ${this.path}: it ends at byte ${offset + bytes.length}`, {
      hint: "'varve check --repair' drops what is damaged",
    });
  }

  /** All of the file, front to back, in pieces of at most 1 MiB, each used up before the next is asked for. */
  *pieces(): Generator<Uint8Array, void, undefined> {
    const buffer = Buffer.allocUnsafeSlow(pieceBytes);
    for (let offset = 0; offset < this.sizeBytes; offset += pieceBytes) yield this.readInto(buffer, offset);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

const pieceBytes = 1 << 20;
