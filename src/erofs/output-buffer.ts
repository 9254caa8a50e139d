import type { ImageSink } from './layer-index.ts';
import { sealSuperblock } from './superblock.ts';

/** Collects small writes into large chunks, in order. What is not written is zero. */
export class OutputBuffer {
  readonly bytes: Buffer = Buffer.alloc(chunkBytes);
  readonly #sink: ImageSink;
  #used = 0;
  #flushed = 0;

  constructor(sink: ImageSink) {
    this.#sink = sink;
  }

  /** Bytes of the image so far. */
  get position(): number {
    return this.#flushed + this.#used;
  }

  /** Makes the next `length` (≤ 4096) bytes part of the image; returns where they are in `bytes`, all zero. */
  reserve(length: number): number {
    if (this.#used + length > chunkBytes) this.flush();
    const at = this.#used;
    this.#used += length;
    return at;
  }

  write(source: Uint8Array): void {
    for (let done = 0; done < source.length;) {
      if (this.#used === chunkBytes) this.flush();
      const count = Math.min(source.length - done, chunkBytes - this.#used);
      this.bytes.set(source.subarray(done, done + count), this.#used);
      this.#used += count;
      done += count;
    }
  }

  /** Zeros up to `position`. */
  padTo(position: number): void {
    while (this.position < position) {
      if (this.#used === chunkBytes) this.flush();
      this.#used += Math.min(position - this.position, chunkBytes - this.#used);
    }
  }

  /** The first chunk holds the superblock and is sealed here, where all that its checksum covers is in place. */
  flush(): void {
    if (this.#flushed === 0) sealSuperblock(this.bytes);
    this.#sink(this.bytes.subarray(0, this.#used));
    this.bytes.fill(0, 0, this.#used);
    this.#flushed += this.#used;
    this.#used = 0;
  }
}

const chunkBytes = 1 << 18;
