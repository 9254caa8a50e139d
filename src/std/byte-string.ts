/**
 * Names and values whose bytes are not promised to be UTF-8: paths, link targets, extended attributes.
 *
 * A ByteString is a JavaScript string in which every char stands for one byte (its code is 0…255). So it is a map key,
 * compares bytewise with `<`, joins with template literals, and costs one byte a byte. What it is not is text: to show
 * it to a person use `showBytes`, to make one from text use `bytesOf`.
 */
export type ByteString = string & { readonly [byteString]: true };
declare const byteString: unique symbol;

/** The bytes of `text` in UTF-8. */
export function bytesOf(text: string): ByteString {
  return isAscii(text) ? (text as ByteString) : (Buffer.from(text, 'utf8').toString('latin1') as ByteString);
}

/** The bytes from `start` to `end` (exclusive) of `buffer`. */
export function bytesFrom(buffer: Uint8Array, start = 0, end = buffer.length): ByteString {
  return asBuffer(buffer).toString('latin1', start, end) as ByteString;
}

/** A fresh buffer with these bytes, as system calls and file formats want them. */
export function toBuffer(bytes: ByteString): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** The text, or undefined where the bytes are not valid UTF-8. */
export function textOf(bytes: ByteString): string | undefined {
  if (isAscii(bytes)) return bytes;
  try {
    return strictUtf8.decode(toBuffer(bytes));
  } catch {
    return undefined;
  }
}

/** For people: UTF-8 where it is valid, `\xNN` for every other byte and for control characters. */
export function showBytes(bytes: ByteString): string {
  const text = textOf(bytes);
  if (text !== undefined) return text.replaceAll(controls, escapeChar);
  return bytes.replaceAll(/[^\x20-\x7e]/g, escapeChar);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x1f\x7f]/g;

function escapeChar(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return !/[^\x00-\x7f]/.test(text);
}

function asBuffer(buffer: Uint8Array): Buffer {
  return Buffer.isBuffer(buffer) ? buffer : Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
