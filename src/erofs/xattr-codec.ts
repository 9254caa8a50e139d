import { Fault } from '../errors/index.ts';
import { bytesFrom, bytesOf, showBytes, toBuffer } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { corrupt } from './corrupt.ts';
import { xattrEntrySize } from './format.ts';

/** The mark of overlayfs for a directory that hides what lower layers have at its place. */
export const opaqueXattr = { name: bytesOf('trusted.overlay.opaque'), value: bytesOf('y') } as const;

type Xattrs = ReadonlyMap<ByteString, ByteString>;

/**
 * The attributes that belong in a layer: no SELinux label, nothing of overlayfs, only namespaces that a restore can set,
 * and file capabilities without a user namespace's root id (version 3 becomes version 2; capabilities(7)).
 */
export function keptXattrs(xattrs: Xattrs): Xattrs {
  const kept = new Map<ByteString, ByteString>();
  for (const [name, value] of xattrs) {
    if (isDropped(name) || prefixOf(name) === undefined) continue;
    kept.set(name, name === capabilityXattr ? capabilityVersion2(value) : value);
  }
  return kept;
}

/** The attributes as inline xattr entries (`struct erofs_xattr_entry`), without the header that stands before them. */
export function encodeXattrs(xattrs: Xattrs): Buffer {
  if (xattrs.size === 0) return Buffer.alloc(0);
  const encoded = Buffer.concat([...xattrs].map(([name, value]) => encodeXattr(name, value)));
  if (encoded.length > maxEncodedBytes) {
    throw new Fault('unsupported', `index the layer: ${encoded.length} bytes of extended attributes on one file`);
  }
  return encoded;
}

function encodeXattr(name: ByteString, value: ByteString): Buffer {
  const prefix = prefixOf(name);
  const rest = name.length - (prefix?.text.length ?? 0);
  if (prefix === undefined || rest > 255 || value.length > 0xffff) {
    throw new Fault(
      'unsupported',
      `index the layer: extended attribute ${showBytes(name)} has an unusable name or size`,
    );
  }
  const entry = Buffer.alloc(Math.ceil((xattrEntrySize + rest + value.length) / 4) * 4);
  entry[0] = rest;
  entry[1] = prefix.index;
  entry.writeUInt16LE(value.length, 2);
  entry.write(name.slice(prefix.text.length), xattrEntrySize, 'latin1');
  entry.set(toBuffer(value), xattrEntrySize + rest);
  return entry;
}

/** The attributes that these entries hold; a Fault of code `corrupt` where they do not add up. */
export function decodeXattrs(entries: Uint8Array): Map<ByteString, ByteString> {
  const xattrs = new Map<ByteString, ByteString>();
  const bytes = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
  for (let at = 0; at + xattrEntrySize <= bytes.length;) {
    const nameEnd = at + xattrEntrySize + bytes.readUInt8(at);
    const valueEnd = nameEnd + bytes.readUInt16LE(at + 2);
    const prefix = prefixes.find((each) => each.index === bytes[at + 1]);
    if (valueEnd > bytes.length || prefix === undefined) {
      throw corrupt('an extended attribute is out of bounds');
    }
    const rest = bytesFrom(bytes, at + xattrEntrySize, nameEnd);
    xattrs.set(`${prefix.text}${rest}` as ByteString, bytesFrom(bytes, nameEnd, valueEnd));
    at = Math.ceil(valueEnd / 4) * 4;
  }
  return xattrs;
}

const capabilityXattr = bytesOf('security.capability');
/** `i_xattr_icount` has 16 bits and counts words after the header. */
const maxEncodedBytes = 0xfffe * 4 - 64;

const prefixes: readonly { readonly index: number; readonly text: string; readonly whole: boolean }[] = [
  { index: 1, text: 'user.', whole: false },
  { index: 2, text: 'system.posix_acl_access', whole: true },
  { index: 3, text: 'system.posix_acl_default', whole: true },
  { index: 4, text: 'trusted.', whole: false },
  { index: 6, text: 'security.', whole: false },
];

function prefixOf(name: ByteString): (typeof prefixes)[number] | undefined {
  return prefixes.find((each) =>
    each.whole ? name === each.text : name.startsWith(each.text) && name.length > each.text.length,
  );
}

function isDropped(name: ByteString): boolean {
  return name === 'security.selinux' || name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}

function capabilityVersion2(value: ByteString): ByteString {
  const isVersion3 = value.length === 24 && value.charCodeAt(3) === 3;
  return isVersion3 ? (`${value.slice(0, 3)}\x02${value.slice(4, 20)}` as ByteString) : value;
}
