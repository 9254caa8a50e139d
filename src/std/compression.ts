import { Buffer } from 'node:buffer';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import type { Gunzip, ZstdDecompress } from 'node:zlib';
import { Fault } from '../errors/index.ts';

/** How a stream of bytes is compressed. bzip2 and xz are recognised, but not undone here. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** What a compressed stream may become. Beyond either it is refused as `exhausted`. */
export interface DecompressionLimits {
  /** Bytes that may come out. */
  readonly maxBytes?: number;
  /** Bytes that may come out for one that went in; not looked at before 64 MiB have come out. */
  readonly maxRatio?: number;
}

/** The number of bytes from the start of a stream that `detectCompression` needs. */
export const compressionHeadBytes = 6;

/** What is known of a stream by its first bytes. */
export interface PeekedStream {
  readonly compression: Compression;
  /** It may take more than a few MiB of memory to undo, up to 32: such streams are better undone one at a time. */
  readonly isWide: boolean;
  /** All of its bytes, from the first on, to be read once. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** How a stream that starts with `head` is compressed, by its magic number and never by its name. */
export function detectCompression(head: Uint8Array): Compression {
  const [a = -1, b = -1, c = -1, d = -1] = head;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd';
  // A skippable frame (RFC 8878 section 3.1.2), as pzstd and zstd:chunked write them first.
  if (a >= 0x50 && a <= 0x5f && b === 0x2a && c === 0x4d && d === 0x18) return 'zstd';
  if (a === 0x42 && b === 0x5a && c === 0x68 && d >= 0x31 && d <= 0x39) return 'bzip2';
  return Buffer.from(head).subarray(0, 6).toString('latin1') === '\xfd7zXZ\0' ? 'xz' : 'none';
}

/** Looks at the start of `source`. */
export async function peekCompression(source: AsyncIterable<Uint8Array>): Promise<PeekedStream> {
  const iterator = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  while (head.length < zstdHeaderBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { compression: detectCompression(head), isWide: isWide(head), bytes: startingWith(head, iterator) };
}

/** A decoder of zstd keeps as much as the window of a frame: 8 MiB is what every one has to be able to do, and usual. */
function isWide(head: Uint8Array): boolean {
  return detectCompression(head) === 'zstd' && head[0] === 0x28 && zstdWindowBytes(head) > 8 * 1024 * 1024;
}

/** By the header of a frame (RFC 8878 section 3.1.1.1). A frame without a window has all of its content as one. */
function zstdWindowBytes(head: Uint8Array): number {
  const header = Buffer.concat([head, Buffer.alloc(zstdHeaderBytes)]);
  const descriptor = header.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) return (8 + (header.readUInt8(5) & 7)) * 2 ** ((header.readUInt8(5) >> 3) + 7);
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const lengthOfSize = descriptor >> 6;
  if (lengthOfSize < 2) return 0;
  return lengthOfSize === 2 ? header.readUInt32LE(at) : Number(header.readBigUInt64LE(at));
}

const zstdHeaderBytes = 18;
/** 32 MiB. Only the two highest levels of zstd make wider ones. */
const maxWindowLog = 25;

/**
 * The uncompressed bytes of `source`, which is plain, gzip (of any number of members) or zstd (of any number of
 * frames), as its own bytes say.
 *
 * The source is read to its very end before the last byte has been given, also past the end of the compressed data, so
 * that whoever hashes it on the way sees all of it. Padding with zeros after that end is accepted. A stream that is
 * broken, cut short or followed by anything else is `corrupt`; bzip2, xz and zstd that takes too much memory to undo are
 * `unsupported`; faults of the source
 * come through as they are. Chunks of the source are kept for a while: their memory must not be used again. It waits for
 * nothing but the source: to cancel, cancel that. Stopping early ends the source.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  limits: DecompressionLimits = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = await peekCompression(source);
  const meter = createMeter(limits);
  const output = stream.compression === 'none' ? counted(stream.bytes, meter) : inflate(stream, meter);
  for await (const chunk of output) {
    meter.countOutput(chunk.length);
    yield chunk;
  }
}

const ratioFreeBytes = 64 * 1024 * 1024;

/**
 * Inflating is done by another thread. Large pieces, and a few of them waiting, keep it at work while this one hashes
 * and writes: with Node's own 16 KiB it takes three times as long. Larger ones gain a twentieth and cost 15 MB.
 */
const engineOptions = { chunkSize: 256 * 1024, highWaterMark: 1024 * 1024 };

/** For what takes so much memory that nothing else may. */
const sparingOptions = { chunkSize: 64 * 1024, highWaterMark: 64 * 1024 };

interface Meter {
  countInput(bytes: number): void;
  countOutput(bytes: number): void;
}

function createMeter({ maxBytes = Infinity, maxRatio = Infinity }: DecompressionLimits): Meter {
  let [input, output] = [0, 0];
  return {
    countInput: (bytes) => void (input += bytes),
    countOutput: (bytes) => {
      output += bytes;
      if (output > maxBytes) throw new Fault('exhausted', `decompress: more than the allowed ${maxBytes} bytes`);
      if (output <= ratioFreeBytes || output <= input * maxRatio) return;
      throw new Fault('exhausted', `decompress: ${output} bytes out of ${input}, over the allowed ${maxRatio} to 1`);
    },
  };
}

type Engine = Gunzip | ZstdDecompress;

async function* inflate(stream: PeekedStream, meter: Meter): AsyncGenerator<Uint8Array, void, undefined> {
  const { compression, bytes } = stream;
  const engine = createEngine(stream);
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    engine.destroy();
  };
  engine.on('error', fail);
  const feeding = feed(engine, counted(bytes, meter)).catch(fail);
  try {
    for await (const chunk of engine) yield chunk as Uint8Array;
  } catch (error) {
    failure ??= error;
  } finally {
    if (!engine.readableEnded) engine.destroy();
    // Whoever gives the bytes has ended when this ends: it may write them to a file that is then closed.
    await feeding;
  }
  if (failure !== undefined) throw asCorrupt(compression, failure);
}

function createEngine({ compression, isWide: wide }: PeekedStream): Engine {
  if (compression === 'gzip') return createGunzip(engineOptions);
  if (compression === 'zstd') {
    const options = wide ? sparingOptions : engineOptions;
    return createZstdDecompress({ ...options, params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog } });
  }
  throw new Fault('unsupported', `decompress ${compression}: only gzip and zstd can be undone here`);
}

/** Writes `source` to the engine, in large pieces. What comes after the end of the compressed data must be zeros. */
async function feed(engine: Engine, source: AsyncIterable<Uint8Array>): Promise<void> {
  let fedBytes = 0;
  let endOfData = 0;
  for await (const chunk of gathered(source)) {
    const last = chunk.findLastIndex((byte) => byte !== 0);
    if (last !== -1) endOfData = fedBytes + last + 1;
    fedBytes += chunk.length;
    if (engine.readableEnded) continue;
    if (engine.destroyed) return;
    if (!engine.write(chunk)) await untilEvent(engine, 'drain');
  }
  if (!engine.destroyed) {
    engine.end();
    await untilEvent(engine, 'finish');
  }
  if (engine.bytesWritten < endOfData) throw new Error('bytes after the end of the compressed data');
}

/** Small chunks together: each piece that the engine is given makes two threads wait for each other. */
async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of source) {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < engineOptions.chunkSize) continue;
    yield pending.length === 1 ? chunk : Buffer.concat(pending);
    [pending, pendingBytes] = [[], 0];
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}

/** Until the event, or until the engine breaks, ends early or is given up: then it never comes. */
function untilEvent(engine: Engine, event: 'drain' | 'finish'): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      engine.off(event, settle).off('end', settle).off('close', settle);
      resolve();
    };
    engine.once(event, settle).once('end', settle).once('close', settle);
  });
}

async function* counted(source: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    meter.countInput(chunk.length);
    yield chunk;
  }
}

async function* startingWith(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (head.length > 0) yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

function asCorrupt(compression: Compression, error: unknown): unknown {
  const isOurs = error instanceof Error && !Fault.is(error);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!isOurs || !(code === '' || /^(Z_|ZSTD_)/.test(code))) return error;
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    return new Fault('unsupported', 'decompress zstd: it takes more than 32 MiB of memory to undo', {
      cause: error,
      hint: 'compress it with a lower level, or without a long window',
    });
  }
  return new Fault('corrupt', `decompress ${compression}: ${error.message}`, { cause: error });
}
