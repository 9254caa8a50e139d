/**
 * What Node lacks and several modules need. Knows nothing of containers, files or processes.
 */
export { bytesFrom, bytesOf, showBytes, textOf, toBuffer } from './byte-string.ts';
export type { ByteString } from './byte-string.ts';
export type { Clock, Timestamp } from './clock.ts';
export { orAborted, throwIfAborted } from './abort.ts';
export { compressionHeadBytes, decompress, detectCompression, peekCompression } from './compression.ts';
export type { Compression, DecompressionLimits, PeekedStream } from './compression.ts';
export { compress } from './compress.ts';
export type { CompressOptions } from './compress.ts';
export { createLimit } from './limit.ts';
export type { Limit } from './limit.ts';
export { once } from './once.ts';
export { readAll } from './read-all.ts';
export { retry } from './retry.ts';
export type { Attempt, RetryOptions, Sleep } from './retry.ts';
export { createSingleFlight } from './single-flight.ts';
export type { SingleFlight } from './single-flight.ts';
export { together } from './together.ts';
