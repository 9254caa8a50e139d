import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { compareNames, deepestNesting, largestBlockBytes, recordPrefix } from './record.ts';
import type { RecordFields, RecordWriter, StepRecord } from './record.ts';

const blockBytes = 256 * 1024;
const longestLength = 5;
/** Shorter texts are written byte by byte: a call of Buffer's would take longer. */
const fewBytes = 32;
/** Blocks that are not compressed until it is known that the record is kept: 8 MiB. */
const mostWaiting = 32;
const noBytes = Buffer.alloc(0);
const valueTag = 0x76;
const listTag = 0x6c;
const endTag = 0x65;

export function createRecordWriter(): RecordWriter {
  return new PackingRecordWriter();
}

/** The record with these fields. */
export function recordOf(fields: RecordFields): StepRecord {
  const writer = createRecordWriter();
  writeFields(writer, fields);
  return writer.finish();
}

function writeFields(writer: RecordWriter, fields: RecordFields): void {
  for (const name of Object.keys(fields).toSorted(compareNames)) {
    const field = fields[name];
    if (field === undefined) continue;
    if (typeof field === 'string') {
      writer.value(name as ByteString, field);
    } else {
      writer.beginList(name as ByteString);
      writeFields(writer, field);
      writer.endList();
    }
  }
}

interface Unpacked extends Omit<StepRecord, 'packed'> {
  /** The first blocks, as they are kept. */
  readonly pieces: Buffer[];
  /** The others, as they are. */
  readonly blocks: readonly Buffer[];
}

/** Most records are only compared by their digest, and never kept anew: the packed form is made when it is asked for. */
function lazilyPacked({ digest, sizeBytes, pieces, blocks }: Unpacked): StepRecord {
  let packed: Buffer | undefined;
  return {
    digest,
    sizeBytes,
    get packed(): Buffer {
      packed ??= Buffer.concat([...pieces, ...blocks.flatMap(framed)]);
      // Of a large record these are as large as the whole.
      pieces.length = 0;
      return packed;
    },
  };
}

function framed(block: Buffer): readonly [Buffer, Buffer] {
  const frame = zstdCompressSync(block, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return [length, frame];
}

class PackingRecordWriter implements RecordWriter {
  readonly #hash = createHash('sha256');
  readonly #packed: Buffer[] = [];
  readonly #waiting: Buffer[] = [];
  /** The last name written in each open list, undefined where the list is empty. */
  readonly #last: (ByteString | undefined)[] = [undefined];
  #block = Buffer.allocUnsafe(4096);
  #used = 0;
  #sizeBytes = 0;

  constructor() {
    this.#used = this.#block.write(recordPrefix, 0, 'latin1');
  }

  value(name: ByteString, value: ByteString): void {
    this.#follow(name);
    this.#reserve(1 + 2 * longestLength + name.length + value.length);
    this.#byte(valueTag);
    this.#text(name);
    this.#text(value);
  }

  beginList(name: ByteString): void {
    this.#follow(name);
    if (this.#last.length >= deepestNesting) throw new Fault('internal', 'write a record: lists nested too deep');
    this.#last.push(undefined);
    this.#reserve(1 + longestLength + name.length);
    this.#byte(listTag);
    this.#text(name);
  }

  endList(): void {
    if (this.#last.length === 1) throw new Fault('internal', 'write a record: no list is open');
    this.#last.pop();
    this.#reserve(1);
    this.#byte(endTag);
  }

  finish(): StepRecord {
    if (this.#last.length !== 1) throw new Fault('internal', 'finish a record: a list is open, or it was finished');
    this.#last.length = 0;
    this.#flush();
    const [pieces, blocks] = [this.#packed, this.#waiting];
    return lazilyPacked({ digest: this.#hash.digest('hex'), sizeBytes: this.#sizeBytes, pieces, blocks });
  }

  #follow(name: ByteString): void {
    if (this.#last.length === 0) throw new Fault('internal', 'write a record: it is finished');
    const before = this.#last[this.#last.length - 1];
    if (before !== undefined && compareNames(before, name) >= 0) {
      throw new Fault('internal', `write a record: ${JSON.stringify(name)} comes after ${JSON.stringify(before)}`);
    }
    this.#last[this.#last.length - 1] = name;
  }

  /** Makes room for one field. Blocks are cut between fields only, so that a reader meets whole fields. */
  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#block.length) return;
    if (bytes > largestBlockBytes) throw new Fault('invalid', `write a record: one value has ${bytes} bytes`);
    if (this.#used + bytes > blockBytes) this.#flush();
    if (this.#used + bytes <= this.#block.length) return;
    const grown = this.#sizeBytes > 0 ? blockBytes : Math.min(this.#block.length * 4, blockBytes);
    const larger = Buffer.allocUnsafe(Math.max(this.#used + bytes, grown));
    this.#block.copy(larger, 0, 0, this.#used);
    this.#block = larger;
  }

  #flush(): void {
    if (this.#used === 0) return;
    const block = this.#block.subarray(0, this.#used);
    this.#hash.update(block);
    this.#sizeBytes += this.#used;
    this.#waiting.push(block);
    const oldest = this.#waiting.length > mostWaiting ? this.#waiting.shift() : undefined;
    if (oldest !== undefined) this.#packed.push(...framed(oldest));
    this.#block = noBytes;
    this.#used = 0;
  }

  #byte(value: number): void {
    this.#block[this.#used] = value;
    this.#used += 1;
  }

  #text(bytes: ByteString): void {
    const block = this.#block;
    let at = this.#used;
    let length = bytes.length;
    for (; length >= 0x80; length = Math.floor(length / 0x80)) block[at++] = (length % 0x80) | 0x80;
    block[at++] = length;
    if (bytes.length > fewBytes) at += block.write(bytes, at, 'latin1');
    else for (let index = 0; index < bytes.length; index += 1) block[at++] = bytes.charCodeAt(index);
    this.#used = at;
  }
}
