import type { ByteString } from '../std/index.ts';

/**
 * The **record** of a step: everything its result depends on, beside what lies below it, as a tree of named values.
 *
 * A record is written down in one canonical form. Two records have the same bytes if and only if they have the same
 * fields: every name and value is preceded by its length, lists are marked where they begin and end, siblings stand
 * in one order and no name occurs twice in a list. The first bytes say that this is a record, and of which version, so
 * that nothing else that is hashed can be taken for one.
 *
 * The form, all lengths as unsigned LEB128:
 *
 *     record := "varve.record.1\0" field*
 *     field  := 'v' length name length value      a value
 *             | 'l' length name field* 'e'        a list
 *
 * Order of siblings: bytewise, `/` before every other byte, so that a walk which visits each directory's names in
 * order, and what is in a directory right after it, meets paths in this order.
 *
 * Nesting ends at three levels, which is what a reason can name: a field (`op`), an item of a list (`env` → `PATH`), an
 * attribute of an item (`files` → `src/a.ts` → `mode`).
 *
 * Records of large COPY steps have millions of fields. So a record is written and read as a stream, and kept
 * compressed; only its digest is compared.
 */
export interface StepRecord {
  /** sha256 of the canonical form, in hex. */
  readonly digest: string;
  /** Length of the canonical form in bytes. */
  readonly sizeBytes: number;
  /**
   * The canonical form as it is kept: blocks cut between two fields, each compressed as one zstd frame and preceded by
   * the frame's length in four bytes, big-endian.
   */
  readonly packed: Uint8Array;
}

/** Writes a record. The fields of each list come in order; a mistake in that is a mistake in the program. */
export interface RecordWriter {
  /** A named value of the innermost open list. */
  value(name: ByteString, value: ByteString): void;
  /** Begins a list; all that follows, until `endList`, is in it. */
  beginList(name: ByteString): void;
  endList(): void;
  /** The record. Nothing can be written after it. */
  finish(): StepRecord;
}

/** A small record as a literal: values, lists of values, lists of lists of values. Names come in any order. */
export interface RecordFields {
  readonly [name: string]: ByteString | RecordFields;
}

/** One step of reading a record. `value` ends a field at once; a `list` is ended by its `end`. */
export type RecordToken =
  | { readonly kind: 'value'; readonly name: ByteString; readonly value: ByteString }
  | { readonly kind: 'list'; readonly name: ByteString }
  | { readonly kind: 'end' };

export const recordPrefix = 'varve.record.1\0';
export const deepestNesting = 3;
export const largestBlockBytes = 16 * 2 ** 20;

/** The order of siblings: negative, zero or positive as `a` stands before, is, or stands after `b`. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    if (left === slash) return -1;
    return right === slash ? 1 : left - right;
  }
  return a.length - b.length;
}

const slash = 0x2f;
