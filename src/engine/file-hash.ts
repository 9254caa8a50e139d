import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../host/index.ts';
import { algorithmOf, parseDigest, type Digest } from '../oci/index.ts';

export interface FileHashOptions {
  /** The digest that the file should have: names the algorithm. */
  readonly like: Digest;
  readonly signal: AbortSignal;
}

/** The digest of a file, read to its end now; undefined if it is not there. */
export async function hashFile(path: string, { like, signal }: FileHashOptions): Promise<Digest | undefined> {
  await using file = await openIfThere(path);
  if (file === undefined) return undefined;
  const algorithm = algorithmOf(like);
  const hash = createHash(algorithm);
  const piece = Buffer.allocUnsafe(pieceBytes);
  for (let bytesRead = -1; bytesRead !== 0;) {
    signal.throwIfAborted();
    ({ bytesRead } = await file.read(piece, 0, piece.length));
    hash.update(piece.subarray(0, bytesRead));
  }
  return parseDigest(`${algorithm}:${hash.digest('hex')}`);
}

/** Collected meanwhile, perhaps. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const pieceBytes = 1 << 20;
