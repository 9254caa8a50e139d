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
 * asked for, and the repository itself at last. A blob that breaks off in the middle goes on where it was; one that turns
 * out to be wrong is not asked of the mirrors again that gave some of it.
 */
export class MirroredRemote implements Remote, RemoteListing {
  readonly name: string;
  readonly #mirrors: readonly Mirror[];
  readonly #origin: Remote & RemoteListing;
  /** Who gave some of the bytes of a blob, since it was last read from its beginning. */
  readonly #givers = new Map<Digest, Set<Mirror>>();
  readonly #distrusted = new Map<Digest, ReadonlySet<Mirror>>();

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
    const { digest } = descriptor;
    let offsetBytes = options.offsetBytes ?? 0;
    const givers = (offsetBytes > 0 && this.#givers.get(digest)) || new Set<Mirror>();
    this.#givers.set(digest, givers);
    const distrusted = this.#distrusted.get(digest);
    for (const mirror of this.#mirrors.filter((each) => !each.isDown && distrusted?.has(each) !== true)) {
      try {
        for await (const chunk of mirror.remote.blob(descriptor, { ...options, offsetBytes })) {
          givers.add(mirror);
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

  distrust({ digest }: Descriptor): boolean {
    const givers = this.#givers.get(digest) ?? new Set();
    this.#givers.delete(digest);
    this.#distrusted.set(digest, new Set([...(this.#distrusted.get(digest) ?? []), ...givers]));
    return givers.size > 0;
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
