import { Buffer } from 'node:buffer';
import { pipeline, Readable } from 'node:stream';
import { constants, createGzip, createZstdCompress } from 'node:zlib';

export interface CompressOptions {
  readonly kind: 'gzip' | 'zstd';
  /** gzip: 0…9, zstd: 1…22. Undefined: 6 and 3, which their programs use. */
  readonly level?: number | undefined;
}

/**
 * The bytes of `source`, compressed. Equal bytes and options give equal bytes with the same release of Node: the header of
 * gzip names no time, no file and no operating system. Stopping early ends the source, and faults of it come through.
 */
export async function* compress(
  source: AsyncIterable<Uint8Array>,
  { kind, level }: CompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream =
    kind === 'gzip'
      ? createGzip({ level: level ?? 6, chunkSize: chunkBytes })
      : createZstdCompress({
          params: { [constants.ZSTD_c_compressionLevel]: level ?? 3, [constants.ZSTD_c_checksumFlag]: 1 },
          chunkSize: chunkBytes,
        });
  // A failure of the source destroys the stream, which is where it is seen.
  pipeline(Readable.from(inPieces(source)), stream, () => undefined);
  let offset = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (kind === 'gzip' && offset <= osOffset && offset + chunk.length > osOffset) chunk[osOffset - offset] = unknownOs;
    offset += chunk.length;
    yield chunk;
  }
}

/** What zstd makes depends on how its input is cut. Each piece has memory of its own. */
async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = Buffer.allocUnsafeSlow(pieceBytes);
  let length = 0;
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length;) {
      const part = chunk.subarray(start, start + pieceBytes - length);
      piece.set(part, length);
      length += part.length;
      start += part.length;
      if (length < pieceBytes) continue;
      yield piece;
      piece = Buffer.allocUnsafeSlow(pieceBytes);
      length = 0;
    }
  }
  if (length > 0) yield piece.subarray(0, length);
}

const pieceBytes = 1 << 20;
const chunkBytes = 256 * 1024;
/** Of a gzip header (RFC 1952 section 2.3): zlib writes the system that it was compiled on. */
const osOffset = 9;
const unknownOs = 255;
