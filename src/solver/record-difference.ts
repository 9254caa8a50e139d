import type { ByteString } from '../std/index.ts';
import type { Change, ListCount } from './reason.ts';
import { compareNames } from './record.ts';
import { RecordReader } from './record-reader.ts';

export interface RecordDifference {
  /** In the records' order; no more than were asked for. */
  readonly changes: readonly Change[];
  /** Complete, however many changes there are. */
  readonly counts: readonly ListCount[];
}

/**
 * What differs between two packed records, as it was and as it is. Both are read once, side by side, in constant
 * memory. Fault `corrupt` if one is no record.
 */
export function compareRecords(earlier: Uint8Array, current: Uint8Array, limit = 100): RecordDifference {
  const changes: Change[] = [];
  const counts: ListCount[] = [];
  const add = (change: Change): void => {
    if (changes.length < limit) changes.push(change);
  };
  const before = new RecordReader(earlier);
  const after = new RecordReader(current);
  mergeSiblings(before, after, (field, pair) => {
    if (pair.before === 'list' && pair.after === 'list') {
      const count = compareItems(field, { before, after, add });
      if (count.changed > 0) counts.push(count);
    } else {
      compareField({ field }, pair, add);
    }
  });
  return { changes, counts };
}

interface Sides {
  readonly before: RecordReader;
  readonly after: RecordReader;
  readonly add: (change: Change) => void;
}

/** The fields of one name in the two records: a value, 'list' with the reader inside it, or undefined for none. */
interface Pair {
  readonly before: Field;
  readonly after: Field;
}
type Field = { readonly value: ByteString } | 'list' | undefined;

function compareItems(field: ByteString, sides: Sides): ListCount {
  const { before, after, add } = sides;
  let changed = 0;
  let total = 0;
  mergeSiblings(before, after, (item, pair) => {
    if (pair.after !== undefined) total += 1;
    const differs =
      pair.before === 'list' && pair.after === 'list'
        ? compareAttributes({ field, item }, sides)
        : compareField({ field, item }, pair, add);
    if (differs) changed += 1;
  });
  return { field, changed, total };
}

function compareAttributes(place: Pick<Change, 'field' | 'item'>, sides: Sides): boolean {
  const attributes: ByteString[] = [];
  mergeSiblings(sides.before, sides.after, (name, pair) => {
    if (!sameField(pair)) attributes.push(name);
  });
  if (attributes.length > 0) sides.add({ ...place, attributes, kind: 'changed' });
  return attributes.length > 0;
}

function compareField(place: Pick<Change, 'field' | 'item'>, pair: Pair, add: (change: Change) => void): boolean {
  if (sameField(pair)) return false;
  const kind = pair.before === undefined ? 'added' : pair.after === undefined ? 'removed' : 'changed';
  add({ ...place, kind, ...valueAs('before', pair.before), ...valueAs('after', pair.after) });
  return true;
}

function sameField(pair: Pair): boolean {
  const { before, after } = pair;
  return typeof before === 'object' && typeof after === 'object' && before.value === after.value;
}

function valueAs(side: 'before' | 'after', field: Field): { readonly [side in 'before' | 'after']?: ByteString } {
  return typeof field === 'object' ? { [side]: field.value } : {};
}

/**
 * Calls `visit` for every name that stands in either of the two lists in which the readers are, and leaves them
 * behind the lists. `visit` must read to their ends the lists of a pair that is a list on both sides; of any other pair
 * a list was skipped.
 */
function mergeSiblings(before: RecordReader, after: RecordReader, visit: (name: ByteString, pair: Pair) => void): void {
  for (;;) {
    const [leftName, rightName] = [nameAt(before), nameAt(after)];
    const order = compareHeads(leftName, rightName);
    const name = order <= 0 ? leftName : rightName;
    if (name === undefined) break;
    const left = order <= 0 ? enter(before) : undefined;
    const right = order >= 0 ? enter(after) : undefined;
    if (left === 'list' && right !== 'list') skipList(before);
    if (right === 'list' && left !== 'list') skipList(after);
    visit(name, { before: left, after: right });
  }
  before.advance();
  after.advance();
}

/** The end of a list stands behind every name. */
function compareHeads(a: ByteString | undefined, b: ByteString | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  return compareNames(a, b);
}

/** What stands where the reader is, which moves behind a value or into a list. */
function enter(reader: RecordReader): Field {
  const field = reader.kind === 'value' ? { value: reader.value } : 'list';
  reader.advance();
  return field;
}

/** Moves from inside a list behind it. */
function skipList(reader: RecordReader): void {
  for (let depth = 1; depth > 0; reader.advance()) {
    if (reader.kind === 'list') depth += 1;
    if (reader.kind === 'end') depth -= 1;
  }
}

/** Undefined at the end of a list or of the record. */
function nameAt(reader: RecordReader): ByteString | undefined {
  return reader.kind === 'value' || reader.kind === 'list' ? reader.name : undefined;
}
