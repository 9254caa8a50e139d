/** A stretch of a file's bytes: `device` 0 is the image itself, n is `devices[n - 1]`. Holes are left out. */
export interface ErofsExtent {
  readonly offset: number;
  readonly length: number;
  readonly device: number;
  readonly deviceOffset: number;
}

/** The same stretches, with those joined that follow each other in the file and in their device. */
export function* joinedExtents(extents: Iterable<ErofsExtent>): Generator<ErofsExtent> {
  let current: ErofsExtent | undefined;
  let length = 0;
  for (const extent of extents) {
    if (current !== undefined && follows({ ...current, length }, extent)) {
      length += extent.length;
      continue;
    }
    if (current !== undefined) yield { ...current, length };
    current = extent;
    length = extent.length;
  }
  if (current !== undefined) yield { ...current, length };
}

function follows(before: ErofsExtent, extent: ErofsExtent): boolean {
  const isAdjacent = before.offset + before.length === extent.offset;
  return isAdjacent && before.device === extent.device && before.deviceOffset + before.length === extent.deviceOffset;
}
