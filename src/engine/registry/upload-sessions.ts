import { randomBytes } from 'node:crypto';
import type { BlobHolder, BlobStore, BlobWriter } from '../../blob/index.ts';
import { Fault } from '../../errors/index.ts';
import type { Digest } from '../../oci/index.ts';
import type { Upload } from '../../registry-server/index.ts';
import type { Clock } from '../../std/index.ts';

export interface UploadSessionsOptions {
  readonly blobs: Pick<BlobStore, 'writer'>;
  readonly holder: BlobHolder;
  readonly clock: Clock;
}

/** The uploads of one registry. What is not committed is gone when it ends, is left alone for too long, or with the process. */
export class UploadSessions implements Disposable {
  readonly #options: UploadSessionsOptions;
  readonly #sessions = new Map<string, UploadSession>();

  constructor(options: UploadSessionsOptions) {
    this.#options = options;
  }

  begin(): Upload {
    this.expire();
    if (this.#sessions.size >= mostUploads) {
      throw new Fault('unavailable', `begin an upload: ${mostUploads} are open already`, { hint: 'try again later' });
    }
    const id = randomBytes(16).toString('hex');
    const { blobs, holder, clock } = this.#options;
    const end = (): void => void this.#sessions.delete(id);
    const session = new UploadSession(id, { writer: blobs.writer({ holder }), clock, end });
    this.#sessions.set(id, session);
    return session;
  }

  get(id: string): Upload | undefined {
    return this.#sessions.get(id);
  }

  /** Ends those that nobody has used for a while. */
  expire(): void {
    for (const session of this.#sessions.values()) if (session.isLeftAlone()) session.cancel();
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session.cancel();
  }
}

const mostUploads = 256;
const patienceMs = 15 * 60_000;

interface SessionOptions {
  readonly writer: BlobWriter;
  readonly clock: Clock;
  /** It is over. */
  readonly end: () => void;
}

class UploadSession implements Upload {
  readonly id: string;
  readonly #options: SessionOptions;
  #usedMs: number;
  #isBusy = false;

  constructor(id: string, options: SessionOptions) {
    this.id = id;
    this.#options = options;
    this.#usedMs = options.clock.now();
  }

  get offsetBytes(): number {
    return this.#options.writer.offsetBytes;
  }

  isLeftAlone(): boolean {
    return !this.#isBusy && this.#options.clock.now() - this.#usedMs > patienceMs;
  }

  append(source: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#alone(async () => {
      for await (const chunk of source) this.#options.writer.write(chunk);
    });
  }

  commit(digest: Digest): Promise<void> {
    return this.#alone(async () => {
      try {
        await this.#options.writer.commit({ digest });
      } finally {
        this.cancel();
      }
    });
  }

  /** After a commit there is nothing left to drop. */
  cancel(): void {
    this.#options.writer.close();
    this.#options.end();
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#isBusy) throw new Fault('conflict', 'another request is writing to this upload');
    this.#isBusy = true;
    try {
      await work();
    } finally {
      this.#isBusy = false;
      this.#usedMs = this.#options.clock.now();
    }
  }
}
