/**
 * What Node lacks and several modules need. Knows nothing of containers, files or processes.
 */
export { bytesFrom, bytesOf, showBytes, textOf, toBuffer } from './byte-string.ts';
export type { ByteString } from './byte-string.ts';
export type { Clock, Timestamp } from './clock.ts';
export type { Compression } from './compression.ts';
