import type { TarEntry, TarPlace } from './entry.ts';

/**
 * Who takes what a `TarParser` finds.
 *
 * Calls come synchronously from within the parser's `write`, `skip` and `end`, in the order of the archive. What a sink
 * throws leaves the parser as it is, unchanged; the parser is then of no more use.
 */
export interface TarSink {
  /**
   * A member's headers are complete and checked; its content follows. To have the content, return who takes it. With
   * undefined the content passes by at no cost, however large.
   */
  entry(entry: TarEntry, place: TarPlace): TarContent | undefined;
}

/** Who takes the content of one member. */
export interface TarContent {
  /**
   * `chunk` holds the file's bytes from `offset` on. Offsets ascend; what lies between chunks, and between the last one
   * and `entry.size`, are holes of a sparse file: zeros. The chunk is a view of what the parser was given: it must be
   * used or copied before this returns.
   */
  write(chunk: Uint8Array, offset: number): void;
  /** The content is complete. Called once, for empty content too; not called where the archive is cut off. */
  end(): void;
}

/** What an archive came to, once it was read to its end. */
export interface TarSummary {
  /** Members given to the sink. */
  readonly entryCount: number;
  /** Bytes of the archive that count: up to and including the end marker, where there is one. */
  readonly archiveBytes: number;
  /** Bytes after the end marker. They are part of a blob and of its digest, and mean nothing. */
  readonly trailingBytes: number;
}

/** An archive that can be read anywhere: a file, or bytes in memory. */
export interface TarSource {
  /** Its length in bytes. */
  readonly size: number;
  /**
   * The bytes from `offset` on, `length` at most and one at least; `offset` is below `size`. They are used up before the
   * next call, so one buffer may serve them all.
   */
  read(offset: number, length: number): Uint8Array;
}
