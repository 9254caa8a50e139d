import { Fault } from '../errors/index.ts';
import type { AttachedOutput, Attachment } from './monitor.ts';

/**
 * The streams of a container that this process reads itself: what came and was not read yet. There is no input. After
 * `close` what still comes is dropped.
 */
export class OutputQueue implements Attachment {
  readonly #pieces: AttachedOutput[] = [];
  #queuedBytes = 0;
  #isOver = false;
  #reader: ((piece: AttachedOutput | undefined) => void) | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  push(piece: AttachedOutput): void {
    if (this.#isOver) return;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) return reader(piece);
    this.#pieces.push(piece);
    this.#queuedBytes += piece.bytes.length;
  }

  /** No more comes. */
  end(): void {
    this.#isOver = true;
    this.#reader?.(undefined);
    this.#reader = undefined;
  }

  /** Settles when there is room again; undefined while there is. */
  room(): Promise<void> | undefined {
    if (this.#queuedBytes < roomBytes) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  read(): Promise<AttachedOutput | undefined> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) this.#free(piece.bytes.length);
    if (piece !== undefined || this.#isOver) return Promise.resolve(piece);
    return new Promise((resolve) => (this.#reader = resolve));
  }

  write(): Promise<void> {
    return Promise.reject(new Fault('unavailable', 'write to the container: it has no input'));
  }

  endInput(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#pieces.length = 0;
    this.#free(this.#queuedBytes);
    this.end();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #free(bytes: number): void {
    this.#queuedBytes -= bytes;
    if (this.#queuedBytes >= roomBytes) return;
    this.#room?.resolve();
    this.#room = undefined;
  }
}

/** What a reader may be behind. */
const roomBytes = 1 << 20;
