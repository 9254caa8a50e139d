/**
 * Bytes to tar entries and back: byte-safe, streaming, deterministic. Knows no file, no layer and no whiteout; what
 * `..` or a leading slash in a name mean is for those who apply an entry.
 */
export { blockSize, endOfArchive, paddingOf } from './blocks.ts';
export type { SparseSegment, TarEntry, TarPlace, TarType } from './entry.ts';
export { PieceBuffer } from './piece-buffer.ts';
export { scanTar } from './scan-tar.ts';
export { defaultTarLimits } from './tar-limits.ts';
export type { TarLimits } from './tar-limits.ts';
export { TarParser } from './tar-parser.ts';
export type { TarReadOptions } from './tar-parser.ts';
export type { TarContent, TarSink, TarSource, TarSummary } from './tar-sink.ts';
export { formatHeader } from './tar-writer.ts';
