import { Buffer } from 'node:buffer';

/** Gathers small pieces of an archive into large ones, each used up before the next is asked for. */
export class PieceBuffer {
  readonly #bytes = Buffer.allocUnsafe(pieceBytes);
  #length = 0;

  *add(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let start = 0; start < bytes.length;) {
      const part = bytes.subarray(start, start + pieceBytes - this.#length);
      this.#bytes.set(part, this.#length);
      this.#length += part.length;
      start += part.length;
      yield* this.#whenFull();
    }
  }

  /** Where at most `limit` bytes may be put by somebody else, who then says how many `filled` it. Never empty. */
  room(limit: number): Uint8Array {
    return this.#bytes.subarray(this.#length, this.#length + Math.min(limit, pieceBytes - this.#length));
  }

  *filled(count: number): Generator<Uint8Array, void, undefined> {
    this.#length += count;
    yield* this.#whenFull();
  }

  *#whenFull(): Generator<Uint8Array, void, undefined> {
    if (this.#length === pieceBytes) yield* this.rest();
  }

  *rest(): Generator<Uint8Array, void, undefined> {
    if (this.#length === 0) return;
    yield this.#bytes.subarray(0, this.#length);
    this.#length = 0;
  }
}

const pieceBytes = 1 << 20;
