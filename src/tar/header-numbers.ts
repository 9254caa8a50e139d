import { Fault } from '../errors/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';

/**
 * The number in a header field: octal digits between blanks and NULs, or, with the first bit set, a two's complement
 * number in base 256 (GNU and star). An empty field is 0. Only numbers that JavaScript holds exactly are accepted.
 */
export function parseNumber(block: Uint8Array, start: number, end: number): number {
  return ((block[start] ?? 0) & 0x80) === 0 ? parseOctal(block, start, end) : parseBase256(block, start, end);
}

/** As Go reads it: blanks and NULs around the digits, anything after a NUL that follows them. */
export function parseOctal(block: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(block[at])) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at < end && block[at] !== 0) {
    while (at < end && isBlank(block[at])) at++;
    if (at < end) throw new Fault('invalid', 'a numeric field holds something else');
  }
  return value;
}

/** A number of a PAX record. */
export function parseDecimal(key: string, value: ByteString): number {
  const number = decimal.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new Fault('invalid', `pax record ${key} is not a number that can be used`);
  return number;
}

/** A time of a PAX record: decimal seconds, with a fraction of which nine digits count. */
export function parseTime(key: string, value: ByteString): Timestamp {
  const match = fractional.exec(value);
  if (match === null) throw new Fault('invalid', `pax record ${key} is not a time`);
  const [, sign, whole = '', fraction = ''] = match;
  const seconds = parseDecimal(key, whole as ByteString);
  const nsec = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign !== '-') return { sec: seconds, nsec };
  return nsec === 0 ? { sec: 0 - seconds, nsec } : { sec: -seconds - 1, nsec: 1e9 - nsec };
}

const decimal = /^[+-]?[0-9]+$/;
const fractional = /^([+-]?)([0-9]+)(?:\.([0-9]*))?$/;

function parseBase256(block: Uint8Array, start: number, end: number): number {
  const first = block[start] ?? 0;
  const inversion = (first & 0x40) === 0 ? 0 : 0xff;
  let value = (first ^ inversion) & 0x7f;
  for (let at = start + 1; at < end; at++) {
    value = value * 256 + ((block[at] ?? 0) ^ inversion);
    if (value > Number.MAX_SAFE_INTEGER) throw new Fault('invalid', 'a numeric field is too large');
  }
  return inversion === 0 ? value : -value - 1;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}
