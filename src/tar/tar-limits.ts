/** What an archive may ask of its reader; beyond it the archive is refused with `exhausted`. */
export interface TarLimits {
  /** Members of the archive, extension headers not counted. */
  readonly entries: number;
  /** Bytes of a member's name, and of a link's target. */
  readonly pathBytes: number;
  /** Bytes of one PAX extended header, GNU long name or sparse map: what is held in memory at most. */
  readonly extensionBytes: number;
  /** Data segments of one sparse file. */
  readonly sparseSegments: number;
  /** Bytes of the name of one extended attribute. */
  readonly xattrNameBytes: number;
  /** Bytes of the value of one extended attribute. */
  readonly xattrValueBytes: number;
}

/** The limits of Linux for names and attributes, of Go for extensions, and ample room otherwise. */
export const defaultTarLimits: TarLimits = {
  entries: 10_000_000,
  pathBytes: 4096,
  extensionBytes: 1024 * 1024,
  sparseSegments: 100_000,
  xattrNameBytes: 255,
  xattrValueBytes: 65_536,
};
