import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { bytesFrom, showBytes } from '../std/index.ts';
import type { PaxRecords } from './pax-records.ts';
import type { TarLimits } from './tar-limits.ts';

/** Key prefix under which star, GNU tar, Go and this writer keep an attribute: name and value as they are. */
export const schilyPrefix = 'SCHILY.xattr.';

/** Key prefix of libarchive: the name percent-encoded, the value in base 64. */
const libarchivePrefix = 'LIBARCHIVE.xattr.';

/**
 * The extended attributes among the records, sorted by name. Where both forms of one attribute are there, the first
 * form counts; it is the one that others read.
 */
export function readXattrs(records: PaxRecords, limits: TarLimits): ReadonlyMap<ByteString, ByteString> {
  if (records.size === 0) return none;
  const found = new Map<ByteString, ByteString>();
  for (const [key, value] of records) {
    if (key.startsWith(schilyPrefix)) found.set(key.slice(schilyPrefix.length) as ByteString, value);
  }
  for (const [key, value] of records) {
    if (!key.startsWith(libarchivePrefix)) continue;
    const name = percentDecoded(key.slice(libarchivePrefix.length));
    if (!found.has(name)) found.set(name, bytesFrom(Buffer.from(value, 'base64')));
  }
  if (found.size === 0) return none;
  for (const [name, value] of found) checkXattr(name, value, limits);
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const none: ReadonlyMap<ByteString, ByteString> = new Map();

function percentDecoded(name: string): ByteString {
  return name.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))) as ByteString;
}

/** Fault for an attribute that no file can have, or that exceeds a limit. */
export function checkXattr(name: ByteString, value: ByteString, limits: TarLimits): void {
  if (name === '' || name.includes('\0')) throw new Fault('invalid', 'an extended attribute has no usable name');
  const shown = showBytes(name.slice(0, 60) as ByteString);
  if (name.length > limits.xattrNameBytes) {
    throw new Fault(
      'exhausted',
      `the name of extended attribute ${shown}… is longer than ${limits.xattrNameBytes} bytes`,
    );
  }
  if (value.length > limits.xattrValueBytes) {
    throw new Fault('exhausted', `extended attribute ${shown} is larger than ${limits.xattrValueBytes} bytes`);
  }
}
