import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { errnoOf } from '../host/index.ts';
import { algorithmOf, parseDigest, type Digest } from '../oci/index.ts';

export interface FileHashOptions {
  /** The digest that the file should have: names the algorithm. */
  readonly like: Digest;
  readonly signal: AbortSignal;
}

/** The digest of a file, read to its end now; undefined if it is not there. */
export async function hashFile(path: string, { like, signal }: FileHashOptions): Promise<Digest | undefined> {
  const algorithm = algorithmOf(like);
  const hash = createHash(algorithm);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: pieceBytes, signal }))
      hash.update(chunk as Buffer);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parseDigest(`${algorithm}:${hash.digest('hex')}`);
}

const pieceBytes = 1 << 20;
