import type { ByteString } from '../std/index.ts';

/**
 * Why a step was not reused: how it differs from the earlier build of it that it was compared with.
 */
export type Reason =
  /** No earlier build of this step is known. */
  | { readonly kind: 'never-built' }
  /** The step itself is the same; what lies below it is not. */
  | { readonly kind: 'base-changed' }
  /** The step itself differs. */
  | { readonly kind: 'changed'; readonly changes: readonly Change[]; readonly counts: readonly ListCount[] }
  /** Step and base are the same, but the earlier result is no longer in the store. */
  | { readonly kind: 'result-missing' }
  /** The cache was not asked. */
  | { readonly kind: 'cache-off' };

/**
 * One difference between two records: a field (`op`), an item of a list (`env` and `PATH`), or attributes of an item
 * (`files`, `src/a.ts`, `content` and `mode`). A field that is a list as a whole, added or removed, is one change.
 */
export interface Change {
  readonly field: ByteString;
  /** The item, where the field is a list. */
  readonly item?: ByteString;
  /** What of the item differs, where the item is a list and stands in both records. */
  readonly attributes?: readonly ByteString[];
  readonly kind: 'added' | 'removed' | 'changed';
  /** The values of a field or item that is no list, each where it exists. */
  readonly before?: ByteString;
  readonly after?: ByteString;
}

/** How many items of a list differ; for lists that stand in both records and differ. */
export interface ListCount {
  readonly field: ByteString;
  /** Items that were added, removed or changed. */
  readonly changed: number;
  /** Items of the list as it is now. */
  readonly total: number;
}
