import { Fault } from '../../errors/index.ts';
import {
  countAt,
  encodeJson,
  fieldsOf,
  parseDiffId,
  parseJsonObject,
  required,
  textAt,
  type DiffId,
} from '../../oci/index.ts';

/**
 * One step of a shared cache: what a machine that has not run it needs to go on as if it had.
 *
 * An entry claims one thing: that the step with this content key comes to content with this ID. All else follows from
 * what the reader has itself. The content key names the step and all below it, so an entry is found by nobody else; its
 * layer is stacked on the reader's own layers, and taken only if its content has the ID that the entry claims.
 */
export interface SharedEntry {
  readonly contentKey: string;
  readonly contentId: string;
  /** The layer that it added; undefined for a step that changed nothing. */
  readonly layer: DiffId | undefined;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** Names the step from build to build, wherever the Dockerfile lies. */
  readonly slot: string;
  readonly label: string;
  /** Reading key, of a step that has one: by that and `preimage` it is found without a look into what it reads. */
  readonly reading: string | undefined;
  /** Digest of the record; with `preimage`, what a reason compares with. */
  readonly record: string;
  /** The record as it is kept; undefined where it was too large to travel. */
  readonly preimage: Uint8Array | undefined;
}

/** What a step without a layer of its own has as content ID. */
export const nothingMade = 'content:none';

/** More is not read: a record of a step that copies 100,000 files has some 5 MB. */
export const maxRecordsBytes = 24 * 2 ** 20;
const maxPreimagesBytes = 16 * 2 ** 20;
const maxEntries = 50_000;

const format = 'varve.cache.1';

/**
 * The entries as JSON, one to a line, after a line that says what they are; in one order, so that equal entries have
 * equal bytes. Where the records come to more than 16 MiB the largest are left out: what they belong to is reused
 * all the same, and only the reasons are poorer.
 */
export function encodeEntries(entries: readonly SharedEntry[]): Uint8Array {
  const ordered = entries.toSorted((a, b) => compare(a.slot, b.slot) || compare(a.contentKey, b.contentKey));
  const kept = travelling(ordered);
  const lines = ordered.map((entry) => {
    const { preimage, layer, ...rest } = entry;
    const packed = preimage !== undefined && kept.has(entry) ? Buffer.from(preimage).toString('base64') : undefined;
    return encodeJson({ ...rest, layer, preimage: packed });
  });
  return Buffer.concat([encodeJson({ format }), ...lines].flatMap((line) => [line, newline]));
}

/** Fault `invalid` for what is no list of entries, `unsupported` for that of another release. */
export function decodeEntries(bytes: Uint8Array): readonly SharedEntry[] {
  const lines = linesOf(bytes);
  const [head = new Uint8Array(), ...rest] = lines;
  const found = textAt(parseJsonObject(head), 'format');
  if (found !== format) throw new Fault('unsupported', `read a shared cache: its format is ${JSON.stringify(found)}`);
  return rest.map((line, index) => {
    try {
      return entryFrom(line);
    } catch (error) {
      throw Fault.wrap(`read step ${index + 1} of a shared cache`, error);
    }
  });
}

function entryFrom(line: Uint8Array): SharedEntry {
  requireFlat(line);
  const fields = parseJsonObject(line);
  const layer = textAt(fields, 'layer');
  const preimage = textAt(fields, 'preimage');
  const contentId = required(fields, 'contentId', textAt);
  if ((layer === undefined) !== (contentId === nothingMade)) {
    throw new Fault('invalid', 'its content and its layer contradict each other');
  }
  return {
    contentKey: required(fields, 'contentKey', textAt),
    contentId,
    layer: layer === undefined ? undefined : parseDiffId(layer),
    createdMs: timeAt(fields),
    slot: required(fields, 'slot', textAt),
    label: required(fields, 'label', textAt),
    reading: textAt(fields, 'reading'),
    record: required(fields, 'record', textAt),
    preimage: preimage === undefined ? undefined : Buffer.from(preimage, 'base64'),
  };
}

/** What is parsed has few values: a document of nothing but brackets takes fifty times its size. */
function requireFlat(line: Uint8Array): void {
  let [marks, isText] = [0, false];
  for (let at = 0; at < line.length; at++) {
    const byte = line[at] as number;
    if (byte === quote) isText = !isText;
    else if (isText && byte === backslash) at += 1;
    else if (!isText && marksOfStructure.has(byte)) marks += 1;
    if (marks > mostMarks) throw new Fault('invalid', 'it is no flat list of names and values');
  }
}

const marksOfStructure: ReadonlySet<number> = new Set(Buffer.from('{[:,'));
const mostMarks = 64;
const quote = 0x22;
const backslash = 0x5c;

/** A moment that a date can show. */
function timeAt(fields: ReturnType<typeof fieldsOf>): number {
  const ms = required(fields, 'createdMs', countAt);
  if (ms <= 8.64e15) return ms;
  throw new Fault('invalid', `createdMs is no time: ${ms}`);
}

/** The entries whose records travel: the small ones first. */
function travelling(entries: readonly SharedEntry[]): ReadonlySet<SharedEntry> {
  const sizeOf = ({ preimage }: SharedEntry): number => preimage?.length ?? 0;
  const kept = new Set<SharedEntry>();
  let sum = 0;
  for (const entry of entries.toSorted((a, b) => sizeOf(a) - sizeOf(b))) {
    sum += sizeOf(entry);
    if (sum > maxPreimagesBytes) break;
    kept.add(entry);
  }
  return kept;
}

function linesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline[0] as number, start);
    const stop = end === -1 ? bytes.length : end;
    lines.push(bytes.subarray(start, stop));
    if (lines.length > maxEntries + 1) {
      throw new Fault('exhausted', `read a shared cache: it has more than ${maxEntries} steps`);
    }
    start = stop + 1;
  }
  return lines;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

const newline = Buffer.from('\n');
