import { createHash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '../oci/index.ts';

/** The digest of a growing sequence of bytes, at any point of it. */
export class RunningDigest {
  readonly algorithm: DigestAlgorithm;
  readonly #hash;
  #sizeBytes = 0;

  constructor(algorithm: DigestAlgorithm) {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  digest(): Digest {
    return `${this.algorithm}:${this.#hash.copy().digest('hex')}` as Digest;
  }
}
