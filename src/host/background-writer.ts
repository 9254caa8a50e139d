import { Worker } from 'node:worker_threads';
import { bytesOf } from '../std/index.ts';
import { errnoFault } from './errno.ts';

/**
 * Writes a file and hashes it in a thread of its own, so that whoever makes the bytes can make the next ones meanwhile.
 *
 * The thread starts with the writer and takes bytes once `isReady`; until then the file is its owner's, who says by
 * `begin` how many bytes stand in it. From then on every byte goes through `write`, in order. `finish`, or disposal, waits for the
 * thread: afterwards the descriptor is the owner's again. All calls are synchronous; bytes are copied when they are taken.
 */
export class BackgroundWriter implements Disposable {
  readonly #path: string;
  readonly #control = new Int32Array(new SharedArrayBuffer((lengthsAt + slotCount) * 4));
  readonly #slots = new Uint8Array(new SharedArrayBuffer(slotCount * slotBytes));
  readonly #digest = new Uint8Array(new SharedArrayBuffer(32));
  #filled = 0;
  #over = false;

  /** `fd` is open for writing on the file `path`, and stays open until this is over. */
  constructor(fd: number, path: string) {
    this.#path = path;
    const memory = { control: this.#control, slots: this.#slots, digest: this.#digest };
    const workerData: SharedState = { ...memory, fd, path, cells: cell, lengthsAt, slotCount, slotBytes };
    const worker = new Worker(`(${drain.toString()})()`, { eval: true, workerData, resourceLimits });
    worker.unref();
  }

  get isReady(): boolean {
    return Atomics.load(this.#control, cell.ready) === 1;
  }

  /** The first `sizeBytes` bytes of the file are there: the thread reads them for the hash, then goes on behind them. */
  begin(sizeBytes: number): void {
    Atomics.store(this.#control, cell.prefixHigh, Math.floor(sizeBytes / 2 ** 31));
    Atomics.store(this.#control, cell.prefixLow, sizeBytes % 2 ** 31);
    Atomics.store(this.#control, cell.begun, 1);
    this.#wake();
  }

  /** Takes the next bytes; waits where the thread is behind. Fault by the errno of an earlier write that failed. */
  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      this.#waitFor(() => this.#filled - Atomics.load(this.#control, cell.drained) < slotCount);
      this.#throwFailure();
      const piece = bytes.subarray(done, done + slotBytes);
      const slot = this.#filled % slotCount;
      this.#slots.set(piece, slot * slotBytes);
      this.#control[lengthsAt + slot] = piece.length;
      this.#filled += 1;
      Atomics.store(this.#control, cell.filled, this.#filled);
      this.#wake();
      done += piece.length;
    }
  }

  /** Everything is written: the sha256 of the file, in lower-case hex. */
  finish(): string {
    this.#end();
    this.#throwFailure();
    return Buffer.from(this.#digest).toString('hex');
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    Atomics.store(this.#control, cell.begun, 1);
    this.#end();
  }

  #end(): void {
    this.#over = true;
    Atomics.store(this.#control, cell.ended, 1);
    this.#wake();
    if (this.isReady) this.#waitFor(() => Atomics.load(this.#control, cell.done) === 1);
  }

  #waitFor(condition: () => boolean): void {
    for (;;) {
      const turn = Atomics.load(this.#control, cell.turn);
      if (condition()) return;
      Atomics.wait(this.#control, cell.turn, turn);
    }
  }

  #wake(): void {
    Atomics.add(this.#control, cell.turn, 1);
    Atomics.notify(this.#control, cell.turn);
  }

  #throwFailure(): void {
    const errno = Atomics.load(this.#control, cell.errno);
    if (errno !== 0) throw errnoFault(errno, 'write', bytesOf(this.#path));
  }
}

/**
 * The thread keeps nothing but its buffers, which are not counted here. With 1 and 16 MB V8 at times ends the whole process while
 * it sets up the thread ("out of memory: GC during deserialization").
 */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

const slotBytes = 512 << 10;
const slotCount = 4;

/** Who waits, waits for `turn` to change; both sides change it after each step. */
const cell = {
  turn: 0,
  ready: 1,
  begun: 2,
  prefixHigh: 3,
  prefixLow: 4,
  filled: 5,
  drained: 6,
  ended: 7,
  done: 8,
  errno: 9,
} as const;
const lengthsAt = 16;

/** What the thread is given. */
interface SharedState {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly slots: Uint8Array;
  readonly digest: Uint8Array;
  readonly fd: number;
  readonly path: string;
  readonly cells: typeof cell;
  readonly lengthsAt: number;
  readonly slotCount: number;
  readonly slotBytes: number;
}

/** Runs in the thread, from its own source text: it sees nothing of this module. */
function drain(): void {
  const { workerData } = process.getBuiltinModule('node:worker_threads');
  const { createHash } = process.getBuiltinModule('node:crypto');
  const fs = process.getBuiltinModule('node:fs');
  const shared: SharedState = workerData;
  const { control, slots, digest, fd, path, cells, lengthsAt: firstLength, slotCount: count, slotBytes: size } = shared;
  const hash = createHash('sha256');
  let drained = 0;

  const wake = (): void => {
    Atomics.add(control, cells.turn, 1);
    Atomics.notify(control, cells.turn);
  };
  const readPrefix = (): void => {
    const sizeBytes = Atomics.load(control, cells.prefixHigh) * 2 ** 31 + Atomics.load(control, cells.prefixLow);
    const reading = fs.openSync(path, 'r');
    const piece = Buffer.allocUnsafe(size);
    for (let at = 0; at < sizeBytes;) {
      const got = fs.readSync(reading, piece, 0, Math.min(size, sizeBytes - at), at);
      hash.update(piece.subarray(0, got));
      at += got;
    }
    fs.closeSync(reading);
  };
  const take = (slot: number): void => {
    const bytes = slots.subarray(slot * size, slot * size + (control[firstLength + slot] ?? 0));
    hash.update(bytes);
    for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done);
  };
  const attempt = (work: () => void): void => {
    if (Atomics.load(control, cells.errno) !== 0) return;
    try {
      work();
    } catch (error) {
      const { errno } = error as { readonly errno?: number };
      Atomics.store(control, cells.errno, errno === undefined ? 5 : -errno);
    }
  };

  Atomics.store(control, cells.ready, 1);
  let hasPrefix = false;
  for (;;) {
    const turn = Atomics.load(control, cells.turn);
    if (Atomics.load(control, cells.begun) === 1 && !hasPrefix) {
      hasPrefix = true;
      attempt(readPrefix);
    } else if (Atomics.load(control, cells.filled) > drained) {
      attempt(() => take(drained % count));
      drained += 1;
      Atomics.store(control, cells.drained, drained);
      wake();
    } else if (Atomics.load(control, cells.ended) === 1) break;
    else Atomics.wait(control, cells.turn, turn);
  }
  digest.set(hash.digest());
  Atomics.store(control, cells.done, 1);
  wake();
}
