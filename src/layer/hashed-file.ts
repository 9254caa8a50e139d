import { BackgroundWriter, beginWriteback } from '../host/index.ts';
import { createDigester, parseDigest, type Digest } from '../oci/index.ts';
import { FileWriter, storing } from './file-writer.ts';

/**
 * A file of the store that is hashed while it is written. Large ones are hashed and written in a thread of their own,
 * while the bytes that follow are read, inflated or packed.
 */
export class HashedFile implements Disposable {
  readonly #file: FileWriter;
  readonly #digester = createDigester();
  #background: BackgroundWriter | undefined;
  #isHandedOver = false;
  #sizeBytes = 0;
  #onItsWayBytes = 0;

  constructor(path: string) {
    this.#file = new FileWriter(path);
  }

  get path(): string {
    return this.#file.path;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** `inThread`: whether a thread is worth its memory, should none be at work yet. */
  write(bytes: Uint8Array, inThread: boolean): void {
    const background = this.#handOver(inThread);
    if (background === undefined) {
      this.#digester.update(bytes);
      this.#file.write(bytes);
    } else {
      storing(this.path, () => background.write(bytes));
    }
    this.#sizeBytes += bytes.length;
    this.#keepDiskBusy();
  }

  /** Nothing more is to come: the digest of all of it. */
  finish(): Digest {
    const background = this.#isHandedOver ? this.#background : undefined;
    const digest =
      background === undefined
        ? this.#digester.digest()
        : parseDigest(`sha256:${storing(this.path, () => background.finish())}`);
    this.#endThread();
    this.#file.close();
    return digest;
  }

  [Symbol.dispose](): void {
    this.#endThread();
    this.#file[Symbol.dispose]();
  }

  /** Else the disk would begin with a large file when it is complete, and the fsync wait for all of it. */
  #keepDiskBusy(): void {
    if (this.#sizeBytes - this.#onItsWayBytes < writebackBytes) return;
    beginWriteback(this.#file.fd);
    this.#onItsWayBytes = this.#sizeBytes;
  }

  #startThread(): BackgroundWriter {
    const started = new BackgroundWriter(this.#file.fd, this.path);
    threads += 1;
    return started;
  }

  #endThread(): void {
    if (this.#background === undefined) return;
    this.#background[Symbol.dispose]();
    this.#background = undefined;
    threads -= 1;
  }

  /** The thread, once there is enough to do for one and it has started. */
  #handOver(inThread: boolean): BackgroundWriter | undefined {
    if (this.#isHandedOver) return this.#background;
    if (!inThread || this.#sizeBytes < worthAThreadBytes) return undefined;
    if (this.#background === undefined && threads >= maxThreads) return undefined;
    this.#background ??= this.#startThread();
    if (!this.#background.isReady) return undefined;
    this.#background.begin(this.#sizeBytes);
    this.#isHandedOver = true;
    return this.#background;
  }
}

const writebackBytes = 32 << 20;
const worthAThreadBytes = 16 << 20;

/** Of all files that are written at once: each thread takes 10 MB, and the processor is busy with two. */
const maxThreads = 2;
let threads = 0;
