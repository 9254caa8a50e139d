import { BackgroundWriter } from '../host/index.ts';
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
  }

  /** Nothing more is to come: the digest of all of it. */
  finish(): Digest {
    const background = this.#isHandedOver ? this.#background : undefined;
    const digest =
      background === undefined
        ? this.#digester.digest()
        : parseDigest(`sha256:${storing(this.path, () => background.finish())}`);
    this.#background?.[Symbol.dispose]();
    this.#file.close();
    return digest;
  }

  [Symbol.dispose](): void {
    this.#background?.[Symbol.dispose]();
    this.#file[Symbol.dispose]();
  }

  /** The thread, once there is enough to do for one and it has started. */
  #handOver(inThread: boolean): BackgroundWriter | undefined {
    if (this.#isHandedOver) return this.#background;
    if (!inThread || this.#sizeBytes < worthAThreadBytes) return undefined;
    this.#background ??= new BackgroundWriter(this.#file.fd, this.path);
    if (!this.#background.isReady) return undefined;
    this.#background.begin(this.#sizeBytes);
    this.#isHandedOver = true;
    return this.#background;
  }
}

const worthAThreadBytes = 16 << 20;
