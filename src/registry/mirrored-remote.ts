import { Fault } from '../errors/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import type { BlobOptions, Remote, RemoteManifest, WaitOptions } from './remote.ts';
import type { ReferrersOptions, RemoteListing } from './remote-target.ts';

export interface Mirror {
  readonly remote: Remote;
  /** It could not be reached before: it is not asked again. */
  isDown: boolean;
}

/**
 * A repository whose mirrors are asked first, in their order: what one cannot give, for whatever reason, the next one is
 * asked for, and the repository itself at last. A blob that breaks off in the middle goes on where it was.
 */
export class MirroredRemote implements Remote, RemoteListing {
  readonly name: string;
  readonly #mirrors: readonly Mirror[];
  readonly #origin: Remote & RemoteListing;

  constructor(origin: Remote & RemoteListing, mirrors: readonly Mirror[]) {
    this.name = origin.name;
    this.#origin = origin;
    this.#mirrors = mirrors;
  }

  async manifest(tagOrDigest: string, options: WaitOptions): Promise<RemoteManifest> {
    for (const mirror of this.#mirrors.filter(({ isDown }) => !isDown)) {
      try {
        return await mirror.remote.manifest(tagOrDigest, options);
      } catch (error) {
        passOver(mirror, error);
      }
    }
    return this.#origin.manifest(tagOrDigest, options);
  }

  async *blob(descriptor: Descriptor, options: BlobOptions): AsyncGenerator<Uint8Array, void, undefined> {
    let offsetBytes = options.offsetBytes ?? 0;
    for (const mirror of this.#mirrors.filter(({ isDown }) => !isDown)) {
      try {
        for await (const chunk of mirror.remote.blob(descriptor, { ...options, offsetBytes })) {
          offsetBytes += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        passOver(mirror, error);
      }
    }
    yield* this.#origin.blob(descriptor, { ...options, offsetBytes });
  }

  /** A mirror has what somebody asked it for: the list is the repository's own. */
  tags(options: WaitOptions): AsyncIterable<string> {
    return this.#origin.tags(options);
  }

  referrers(digest: Digest, options: ReferrersOptions): Promise<readonly Descriptor[]> {
    return this.#origin.referrers(digest, options);
  }
}

function passOver(mirror: Mirror, error: unknown): void {
  if (!Fault.is(error) || Fault.is(error, 'cancelled')) throw error;
  if (Fault.is(error, 'unavailable')) mirror.isDown = true;
}
