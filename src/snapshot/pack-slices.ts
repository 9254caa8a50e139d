import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../std/index.ts';
import type { PackReport, PackSlices } from './snapshotter.ts';

export interface PackSlicesOptions {
  readonly signal: AbortSignal;
  /** How many bytes of the layer are written so far; told after each slice but the last. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
}

/**
 * Packs slice by slice and lets everything else have its turn in between. Fault `cancelled` after an abort. What is over
 * within one slice waits for nothing.
 */
export async function packInSlices(slices: PackSlices, options: PackSlicesOptions): Promise<PackReport> {
  try {
    for (let slice = slices.next(); ; slice = slices.next()) {
      if (slice.done === true) return slice.value;
      options.onProgress?.(slice.value);
      await setImmediate();
      throwIfAborted(options.signal, 'pack the changes');
    }
  } finally {
    slices.return(undefined as never);
  }
}

/** Packs without a pause. */
export function packAtOnce(slices: PackSlices): PackReport {
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}
