import { Fault } from '../errors/index.ts';
import { parseManifest, type Descriptor, type Digest } from '../oci/index.ts';
import type { BlobOptions, Remote, RemoteManifest } from '../registry/index.ts';
import type { CraftedImage } from './crafted-image.fixture.ts';

/** A remote that has one image, under every tag. */
export interface MemoryRemote extends Remote {
  /** What was asked for: `blob sha256:… from 17`. */
  readonly requests: string[];
  /** What is sent of a blob, piece by piece, instead of all that it has. Throwing cuts the transfer. */
  send: (bytes: Buffer, descriptor: Descriptor) => Iterable<Buffer>;
}

export function memoryRemote(image: CraftedImage): MemoryRemote {
  const requests: string[] = [];
  return {
    name: 'memory/image',
    requests,
    send: inPieces,
    manifest: async (tagOrDigest): Promise<RemoteManifest> => {
      const { mediaType, digest } = image.descriptor;
      const found = image.blobs.get(tagOrDigest as Digest) ?? bytesAt(image, digest);
      const isTop = !image.blobs.has(tagOrDigest as Digest);
      const manifest = parseManifest(found);
      return {
        mediaType: isTop ? mediaType : manifest.mediaType,
        digest: isTop ? digest : (tagOrDigest as Digest),
        bytes: found,
        manifest,
      };
    },
    async *blob(descriptor: Descriptor, { offsetBytes = 0, signal }: BlobOptions) {
      requests.push(`blob ${descriptor.digest} from ${offsetBytes}`);
      for (const piece of this.send(bytesAt(image, descriptor.digest).subarray(offsetBytes), descriptor)) {
        await Promise.resolve();
        if (signal?.aborted === true) throw new Fault('cancelled', 'memory: cancelled', { cause: signal.reason });
        yield piece;
      }
    },
  };
}

export function* inPieces(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += 64) yield bytes.subarray(at, at + 64);
}

function bytesAt({ blobs }: CraftedImage, digest: Digest): Buffer {
  const bytes = blobs.get(digest);
  if (bytes === undefined) throw new Fault('not-found', `memory: ${digest}: not found`);
  return bytes;
}
