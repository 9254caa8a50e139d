/** What an archive may ask of the index before it is refused with a Fault of code `exhausted`. */
export interface IndexLimits {
  /** Names in the layer, the directories that entries only imply included. */
  readonly maxEntries: number;
  /** Bytes of one path or link target. */
  readonly maxPathBytes: number;
  /** Symlinks followed for one path. The kernel stops at the same number. */
  readonly maxSymlinks: number;
  /** Components walked through symlinks, in all. */
  readonly maxSymlinkSteps: number;
  /** Data segments of sparse files, in all. */
  readonly maxSegments: number;
  /** Bytes of names, link targets and extended attributes, in all. */
  readonly maxTextBytes: number;
  /** Bytes of map that one sparse file may need in the image. */
  readonly maxFileMapBytes: number;
}

export const defaultIndexLimits: IndexLimits = {
  maxEntries: 5_000_000,
  maxPathBytes: 4095,
  maxSymlinks: 40,
  maxSymlinkSteps: 20_000_000,
  maxSegments: 1_000_000,
  maxTextBytes: 1 << 30,
  maxFileMapBytes: 64 << 20,
};
