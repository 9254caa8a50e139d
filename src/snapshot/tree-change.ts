import type { ByteString } from '../std/index.ts';

/** One difference between a tree and the layers below it. */
export interface TreeChange {
  readonly kind: 'added' | 'changed' | 'deleted';
  /** From the root, with a leading `/`. */
  readonly path: ByteString;
}
