/** How a stream of bytes is compressed. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';
