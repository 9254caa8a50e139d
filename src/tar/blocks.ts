/** A tar archive is a run of blocks of this many bytes. */
export const blockSize = 512;

/** Two blocks of zeros: what ends an archive. */
export const endOfArchive: Uint8Array = new Uint8Array(2 * blockSize);

/** How many zero bytes follow `size` bytes of content, up to the next block. */
export function paddingOf(size: number): number {
  const rest = size % blockSize;
  return rest === 0 ? 0 : blockSize - rest;
}
