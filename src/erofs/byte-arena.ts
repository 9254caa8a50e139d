import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { enlarged, growthFactor } from './enlarged.ts';

/** Bytes that are only ever appended: the names, link targets and attributes of a layer in one buffer. */
export class ByteArena {
  bytes: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(1 << 16));
  length = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Appends the chars from `start` to `end` of `text` as bytes; returns where they begin. */
  append(text: string, start: number, end: number): number {
    const at = this.#reserve(end - start);
    const bytes = this.bytes;
    for (let index = start; index < end; index += 1) bytes[at + index - start] = text.charCodeAt(index);
    return at;
  }

  appendBytes(source: Uint8Array): number {
    const at = this.#reserve(source.length);
    this.bytes.set(source, at);
    return at;
  }

  text(at: number, length: number): ByteString {
    return this.bytes.toString('latin1', at, at + length) as ByteString;
  }

  #reserve(count: number): number {
    const at = this.length;
    const end = at + count;
    if (end > this.#maxBytes) throw new Fault('exhausted', 'index the layer: its names and attributes are too many');
    if (end > this.bytes.length) this.bytes = grown(this.bytes, end);
    this.length = end;
    return at;
  }
}

function grown(bytes: Buffer<ArrayBuffer>, atLeast: number): Buffer<ArrayBuffer> {
  return Buffer.from(enlarged(bytes.buffer, Math.max(bytes.length * growthFactor, atLeast)));
}
