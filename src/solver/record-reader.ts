import { zstdDecompressSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { bytesFrom } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { compareNames, deepestNesting, largestBlockBytes, recordPrefix } from './record.ts';
import type { RecordToken } from './record.ts';

const valueTag = 0x76;
const listTag = 0x6c;
const endTag = 0x65;
const end: RecordToken = { kind: 'end' };

/**
 * The tokens of a packed record in order. Lists are balanced. Fault `corrupt` at the first byte that no writer wrote:
 * a record comes from a disk, perhaps from another release.
 */
export function* readRecord(packed: Uint8Array): Generator<RecordToken, void> {
  const last: (ByteString | undefined)[] = [undefined];
  let first = true;
  for (const block of unpackBlocks(packed)) {
    const reader = new Reader(block);
    if (first) reader.expectPrefix();
    first = false;
    while (!reader.atEnd()) {
      const token = reader.token();
      follow(last, token);
      yield token;
    }
  }
  if (first) throw corrupt('it is empty');
  if (last.length !== 1) throw corrupt('it ends inside a list');
}

/** Checks the order and nesting of one more token; `last` holds the last name of each open list. */
function follow(last: (ByteString | undefined)[], token: RecordToken): void {
  if (token.kind === 'end') {
    if (last.length === 1) throw corrupt('a list ends that did not begin');
    last.pop();
    return;
  }
  const before = last[last.length - 1];
  if (before !== undefined && compareNames(before, token.name) >= 0) throw corrupt('its fields are out of order');
  last[last.length - 1] = token.name;
  if (token.kind === 'list') last.push(undefined);
  if (last.length > deepestNesting) throw corrupt('its lists are nested too deep');
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  expectPrefix(): void {
    this.#at = recordPrefix.length;
    if (this.#bytes.toString('latin1', 0, this.#at) !== recordPrefix) throw corrupt('it does not begin as one');
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  token(): RecordToken {
    const tag = this.#bytes[this.#at];
    this.#at += 1;
    switch (tag) {
      case valueTag:
        return { kind: 'value', name: this.#text(), value: this.#text() };
      case listTag:
        return { kind: 'list', name: this.#text() };
      case endTag:
        return end;
      default:
        throw corrupt('it has a field of unknown kind');
    }
  }

  #text(): ByteString {
    const length = this.#length();
    const start = this.#at;
    if (length > this.#bytes.length - start) throw corrupt('it ends inside a field');
    this.#at += length;
    return bytesFrom(this.#bytes, start, this.#at);
  }

  #length(): number {
    let length = 0;
    for (let unit = 1; unit <= 2 ** 28; unit *= 0x80) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) break;
      this.#at += 1;
      length += (byte % 0x80) * unit;
      if (byte < 0x80) return length;
    }
    throw corrupt('a length is wrong');
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
