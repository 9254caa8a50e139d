import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { Fault } from '../errors/index.ts';
import { nodeFault, tryLock } from '../host/index.ts';
import type { Lock } from '../host/index.ts';
import { algorithmOf } from '../oci/index.ts';
import type { Digest, DigestAlgorithm } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import type { BlobFiles } from './blob-files.ts';
import type { BlobWriter, CommitOptions, Committed, WriterOptions } from './blob-store.ts';
import { RunningDigest } from './running-digest.ts';

const syncFile = promisify(fsync);
const pieceBytes = 2 ** 20;

export interface IngestOptions extends WriterOptions {
  /** The ingest's name. */
  readonly name: string;
  /** False: what is not committed is removed. */
  readonly keep: boolean;
}

/** Takes the ingest, whose file is made where it is missing. Its lock is the file's own and ends with the process. */
export function openBlobWriter(files: BlobFiles, options: IngestOptions): BlobWriter {
  const path = files.ingest(options.name);
  const lock = tryLock(path, 'exclusive');
  if (lock === undefined) {
    throw new Fault('unavailable', `write ${options.name}: somebody else is writing it`, {
      hint: 'wait for the other download or build to end',
    });
  }
  try {
    return new FileBlobWriter(files, lock, options);
  } catch (error) {
    lock.release();
    throw error;
  }
}

class FileBlobWriter implements BlobWriter {
  readonly #files: BlobFiles;
  readonly #lock: Lock;
  readonly #options: IngestOptions;
  readonly #fd: number;
  #digest: RunningDigest;
  #state: 'open' | 'committing' | 'closed' = 'open';

  constructor(files: BlobFiles, lock: Lock, options: IngestOptions) {
    this.#files = files;
    this.#lock = lock;
    this.#options = options;
    this.#fd = this.#guard('open', () => openSync(lock.path, 'r+'));
    const algorithm = options.digest === undefined ? 'sha256' : algorithmOf(options.digest);
    this.#digest = this.#hashFile(algorithm, fstatSync(this.#fd).size);
  }

  get offsetBytes(): number {
    return this.#digest.sizeBytes;
  }

  digest(): Digest {
    return this.#digest.digest();
  }

  write(chunk: Uint8Array): void {
    this.#assertOpen();
    const { sizeBytes = Infinity } = this.#options;
    if (this.offsetBytes + chunk.length > sizeBytes) {
      throw new Fault('corrupt', `write ${this.#options.name}: more than the expected ${sizeBytes} bytes`);
    }
    this.#guard('write', () => writeAll(this.#fd, chunk, this.offsetBytes));
    this.#digest.update(chunk);
  }

  read(into: Uint8Array, offsetBytes: number): number {
    const length = Math.min(into.length, this.offsetBytes - offsetBytes);
    if (this.#state === 'closed' || length <= 0) return 0;
    return this.#guard('read', () => readSync(this.#fd, into, 0, length, offsetBytes));
  }

  truncate(sizeBytes: number): void {
    this.#assertOpen();
    if (sizeBytes >= this.offsetBytes) return;
    this.#guard('truncate', () => ftruncateSync(this.#fd, sizeBytes));
    this.#digest = this.#hashFile(this.#digest.algorithm, sizeBytes);
  }

  async commit(expected: CommitOptions = {}): Promise<Committed> {
    this.#assertOpen();
    const digest = this.#check(expected);
    this.#options.holder.add(digest);
    if (this.#files.stat(digest)?.sizeBytes === this.offsetBytes) return this.#drop(digest);
    this.#state = 'committing';
    try {
      // What a failed write left behind the last counted byte is none of the blob.
      ftruncateSync(this.#fd, this.offsetBytes);
      fchmodSync(this.#fd, 0o400);
      await syncFile(this.#fd);
      renameSync(this.#lock.path, this.#files.blob(digest));
    } catch (error) {
      this.#state = 'open';
      fchmodSync(this.#fd, 0o600);
      throw nodeFault('commit', bytesOf(this.#lock.path), error);
    }
    this.#end();
    return this.#committed('stored', digest);
  }

  close(): void {
    if (this.#state === 'closed') return;
    if (this.#options.keep && this.offsetBytes > 0) this.#end();
    else this.#remove();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The digest under which the content is to be stored. */
  #check(expected: CommitOptions): Digest {
    for (const size of [this.#options.sizeBytes, expected.sizeBytes]) {
      if (size === undefined || size === this.offsetBytes) continue;
      throw new Fault('corrupt', `commit ${this.#options.name}: it has ${this.offsetBytes} bytes instead of ${size}`);
    }
    const wanted = [this.#options.digest, expected.digest].filter((each) => each !== undefined);
    for (const digest of wanted) {
      const actual = this.#digestBy(algorithmOf(digest));
      if (actual === digest) continue;
      throw new Fault('corrupt', `commit ${this.#options.name}: its digest is ${actual} instead of ${digest}`);
    }
    return wanted.at(-1) ?? this.digest();
  }

  #digestBy(algorithm: DigestAlgorithm): Digest {
    if (algorithm === this.#digest.algorithm) return this.digest();
    return this.#hashFile(algorithm, this.offsetBytes).digest();
  }

  #drop(digest: Digest): Committed {
    this.#remove();
    return this.#committed('already-exists', digest);
  }

  #committed(kind: Committed['kind'], digest: Digest): Committed {
    return { kind, digest, sizeBytes: this.offsetBytes, path: this.#files.blob(digest) };
  }

  #remove(): void {
    this.#state = 'closed';
    closeSync(this.#fd);
    this.#lock.remove();
  }

  #end(): void {
    this.#state = 'closed';
    closeSync(this.#fd);
    this.#lock.release();
  }

  #hashFile(algorithm: DigestAlgorithm, sizeBytes: number): RunningDigest {
    const digest = new RunningDigest(algorithm);
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(sizeBytes, 1)));
    while (digest.sizeBytes < sizeBytes) {
      const length = Math.min(piece.length, sizeBytes - digest.sizeBytes);
      const got = this.#guard('read', () => readSync(this.#fd, piece, 0, length, digest.sizeBytes));
      if (got === 0) throw new Fault('corrupt', `read ${this.#lock.path}: it became shorter`);
      digest.update(piece.subarray(0, got));
    }
    return digest;
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw new Fault('internal', `write ${this.#options.name}: the writer is closed`);
  }

  #guard<T>(call: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw nodeFault(call, bytesOf(this.#lock.path), error);
    }
  }
}

function writeAll(fd: number, chunk: Uint8Array, position: number): void {
  for (let done = 0; done < chunk.length;) {
    done += writeSync(fd, chunk, done, chunk.length - done, position + done);
  }
}
