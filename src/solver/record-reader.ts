import { createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { bytesFrom } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { compareNames, deepestNesting, largestBlockBytes, recordPrefix } from './record.ts';
import type { RecordToken, StepRecord } from './record.ts';

const valueTag = 0x76;
const listTag = 0x6c;
const endTag = 0x65;
const none = '' as ByteString;

/** The tokens of a packed record in order. Lists are balanced. Fault `corrupt` as {@link RecordReader}. */
export function* readRecord(packed: Uint8Array): Generator<RecordToken, void> {
  for (const reader = new RecordReader(packed); reader.kind !== 'done'; reader.advance()) {
    const { kind, name } = reader;
    if (kind === 'value') yield { kind, name, value: reader.value };
    else if (kind === 'list') yield { kind, name };
    else yield { kind };
  }
}

/**
 * A packed record that comes from elsewhere, with the digest that it has. Fault `corrupt` where it cannot be unpacked, `exhausted` where
 * it has more than `maxBytes`.
 */
export function recordFrom(packed: Uint8Array, maxBytes = Infinity): StepRecord {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for (const block of unpackBlocks(packed)) {
    hash.update(block);
    sizeBytes += block.length;
    if (sizeBytes > maxBytes) throw new Fault('exhausted', `read the record of a step: more than ${maxBytes} bytes`);
  }
  return { digest: hash.digest('hex'), sizeBytes, packed };
}

/**
 * A place in a packed record: before a value, before a list, before the end of a list, or at the end of the record.
 *
 * Fault `corrupt` at the first byte that no writer wrote: a record comes from a disk, perhaps from another release.
 */
export class RecordReader {
  kind: 'value' | 'list' | 'end' | 'done' = 'done';
  /** The name of the value or list here. */
  name: ByteString = none;
  readonly #blocks: Iterator<Buffer, void>;
  /** The last name in each open list, undefined where the list is empty. */
  readonly #last: (ByteString | undefined)[] = [undefined];
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #valueStart = 0;

  constructor(packed: Uint8Array) {
    this.#blocks = unpackBlocks(packed);
    if (!this.#nextBlock()) throw corrupt('it is empty');
    this.#at = recordPrefix.length;
    if (this.#block.toString('latin1', 0, this.#at) !== recordPrefix) throw corrupt('it does not begin as one');
    this.advance();
  }

  /** The value here. */
  get value(): ByteString {
    return bytesFrom(this.#block, this.#valueStart, this.#at);
  }

  /** Moves one token on: behind a value, into a list, behind the end of a list. */
  advance(): void {
    if (this.#at === this.#block.length && !this.#nextBlock()) {
      if (this.#last.length !== 1) throw corrupt('it ends inside a list');
      this.kind = 'done';
      return;
    }
    const tag = this.#block[this.#at];
    this.#at += 1;
    if (tag === valueTag) this.#value();
    else if (tag === listTag) this.#list();
    else if (tag === endTag) this.#end();
    else throw corrupt('it has a field of unknown kind');
  }

  #value(): void {
    this.#name();
    this.kind = 'value';
    const length = this.#length();
    this.#valueStart = this.#at;
    this.#at += length;
  }

  #list(): void {
    this.#name();
    this.kind = 'list';
    if (this.#last.length >= deepestNesting) throw corrupt('its lists are nested too deep');
    this.#last.push(undefined);
  }

  #end(): void {
    this.kind = 'end';
    if (this.#last.length === 1) throw corrupt('a list ends that did not begin');
    this.#last.pop();
  }

  #name(): void {
    const length = this.#length();
    const start = this.#at;
    this.#at += length;
    this.name = bytesFrom(this.#block, start, this.#at);
    const before = this.#last[this.#last.length - 1];
    if (before !== undefined && compareNames(before, this.name) >= 0) throw corrupt('its fields are out of order');
    this.#last[this.#last.length - 1] = this.name;
  }

  /** A length that the block has room for. */
  #length(): number {
    let length = 0;
    for (let unit = 1; unit <= 2 ** 28; unit *= 0x80) {
      const byte = this.#block[this.#at];
      if (byte === undefined) throw corrupt('it ends inside a length');
      this.#at += 1;
      length += (byte % 0x80) * unit;
      if (byte >= 0x80) continue;
      if (length > this.#block.length - this.#at) throw corrupt('it ends inside a field');
      return length;
    }
    throw corrupt('a length is too long');
  }

  /** False at the end of the record. No writer makes an empty block, so that none is skipped over. */
  #nextBlock(): boolean {
    const next = this.#blocks.next();
    if (next.done === true) return false;
    if (next.value.length === 0) throw corrupt('it has an empty block');
    this.#block = next.value;
    this.#at = 0;
    return true;
  }
}

function* unpackBlocks(packed: Uint8Array): Generator<Buffer, void> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  for (let at = 0; at < packed.length;) {
    const start = at + 4;
    const length = start <= packed.length ? view.getUint32(at) : Infinity;
    if (start + length > packed.length) throw corrupt('it was cut off');
    at = start + length;
    yield unpack(packed.subarray(start, at));
  }
}

function unpack(frame: Uint8Array): Buffer {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: largestBlockBytes });
  } catch (error) {
    throw new Fault('corrupt', 'read the record of a step: it cannot be unpacked', { cause: error });
  }
}

function corrupt(problem: string): Fault {
  return new Fault('corrupt', `read the record of a step: ${problem}`);
}
