import type { BlobStore, BlobWriter } from '../blob/index.ts';
import type { Descriptor } from '../oci/index.ts';
import type { GrowingContent } from '../registry/index.ts';

export interface GrowingBlobParts {
  readonly blobs: BlobStore;
  /** What the blob is written with. */
  readonly writer: BlobWriter;
  /** More than it will have. */
  readonly mostBytes: number;
}

/**
 * A blob that is being written to the store, for those who want to read it meanwhile. They read it back from there, so that none of
 * them makes the writing wait, and each may begin anew; nothing but a piece is held in memory for each. Whoever writes says
 * how it goes on.
 */
export class GrowingBlob implements GrowingContent {
  readonly descriptor: Promise<Descriptor>;
  readonly #parts: GrowingBlobParts;
  readonly #whole = Promise.withResolvers<Descriptor>();
  #state: GrowingState = { kind: 'growing' };
  #change = Promise.withResolvers<void>();
  #expectedBytes: number;

  constructor(parts: GrowingBlobParts) {
    this.#parts = parts;
    this.#expectedBytes = parts.mostBytes;
    this.descriptor = this.#whole.promise;
    // Whether anybody waits for it is not known here.
    this.descriptor.catch(() => undefined);
  }

  get isWhole(): boolean {
    return this.#state.kind === 'whole' || this.#state.kind === 'stored';
  }

  /** How many bytes it will have, as far as can be said now. */
  get expectedBytes(): number {
    return this.#expectedBytes;
  }

  async *open(offsetBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    const piece = Buffer.allocUnsafeSlow(pieceBytes);
    for (let position = offsetBytes; ;) {
      const state = this.#state;
      if (state.kind === 'failed') throw state.error;
      if (state.kind === 'stored') {
        yield* this.#parts.blobs.chunks(state.descriptor.digest, { offsetBytes: position });
        return;
      }
      const length = this.#parts.writer.read(piece, position);
      position += length;
      if (length > 0) yield piece.subarray(0, length);
      else if (state.kind === 'whole' && position >= state.descriptor.size) return;
      else await this.#change.promise;
    }
  }

  /** More was written, out of this share of what it is made of. */
  grow(share: number): void {
    this.#expectedBytes = Math.min(Math.ceil(this.#parts.writer.offsetBytes / share), this.#parts.mostBytes);
    this.#wake();
  }

  /** All was written. */
  complete(descriptor: Descriptor): void {
    this.#state = { kind: 'whole', descriptor };
    this.#expectedBytes = descriptor.size;
    this.#whole.resolve(descriptor);
    this.#wake();
  }

  /** The writer has committed it. */
  store(descriptor: Descriptor): void {
    this.#state = { kind: 'stored', descriptor };
    this.#wake();
  }

  /** It will never be whole, or was not stored. */
  fail(error: unknown): void {
    this.#state = { kind: 'failed', error };
    this.#whole.reject(error);
    this.#wake();
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

type GrowingState =
  | { readonly kind: 'growing' }
  | { readonly kind: 'whole' | 'stored'; readonly descriptor: Descriptor }
  | { readonly kind: 'failed'; readonly error: unknown };

const pieceBytes = 1 << 20;
