import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Fault } from '../errors/index.ts';

/** A file of the store that is read at any place. */
export class FileReader implements Disposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #fd: number;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'r');
    this.sizeBytes = fstatSync(this.#fd).size;
  }

  /** `length` bytes from `offset` on, fewer only at the file's end. */
  readonly read = (offset: number, length: number): Uint8Array => {
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    for (let count = -1; done < length && count !== 0; done += count) {
      count = readSync(this.#fd, bytes, done, length - done, offset + done);
    }
    return bytes.subarray(0, done);
  };

  /** As `read`, but a file that ends before is a `corrupt` Fault. */
  readExactly(offset: number, length: number): Uint8Array {
    const bytes = this.read(offset, length);
    if (bytes.length === length) return bytes;
    throw new Fault('corrupt', `read ${this.path}: it ends at byte ${offset + bytes.length}`, {
      hint: "'varve check --repair' drops what is damaged",
    });
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
