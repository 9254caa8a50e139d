import { bytesFrom, bytesOf, toBuffer } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { errnoFault } from './errno.ts';
import { cString, check, libc } from './libc.ts';
import type { Libc } from './libc.ts';

/** The extended attributes of a file by full name, sorted by name. */
export type Xattrs = ReadonlyMap<ByteString, ByteString>;

/** All attributes of a directory's entry, of a symlink itself; none where its filesystem has no attributes. */
export function xattrsAt(dirfd: number, name: ByteString, subject: ByteString): Xattrs {
  return readAll(entryPath(dirfd, name), subject, libc().llistxattr, libc().lgetxattr);
}

/** All attributes of what a descriptor is open on, O_PATH ones included. */
export function xattrsOfFd(fd: number, subject: ByteString): Xattrs {
  return readAll(bytesOf(`/proc/self/fd/${fd}`), subject, libc().listxattr, libc().getxattr);
}

/** One attribute of a directory's entry, or undefined where it is not set. */
export function xattrAt(dirfd: number, name: ByteString, attribute: ByteString): ByteString | undefined {
  return readOne(entryPath(dirfd, name), attribute, name, libc().lgetxattr);
}

/** Sets an attribute of a directory's entry, of a symlink itself (which can have only trusted.* and security.*). */
export function setXattrAt(dirfd: number, name: ByteString, attribute: ByteString, value: ByteString): void {
  const path = cString(entryPath(dirfd, name));
  const result = libc().lsetxattr(path, cString(attribute, 1), toBuffer(value), value.length, 0);
  check(result, 'set attribute', `${attribute} of ${name}` as ByteString);
}

export function removeXattrAt(dirfd: number, name: ByteString, attribute: ByteString): void {
  const result = libc().lremovexattr(cString(entryPath(dirfd, name)), cString(attribute, 1));
  check(result, 'remove attribute', `${attribute} of ${name}` as ByteString);
}

/** The kernel's limits, XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const listMax = 65_536;
const valueMax = 65_536;
const enodata = 61;
const eopnotsupp = 95;

const listBuffer = Buffer.alloc(listMax);
const valueBuffer = Buffer.alloc(valueMax);

/** The l*xattr calls take no directory: through the descriptor's link in /proc a name is reached without a look-up. */
function entryPath(dirfd: number, name: ByteString): ByteString {
  return `/proc/self/fd/${dirfd}/${name}` as ByteString;
}

function readAll(path: ByteString, subject: ByteString, list: Libc['listxattr'], get: Libc['getxattr']): Xattrs {
  const length = list(cString(path), listBuffer, listMax);
  if (length === 0) return none;
  if (length < 0 && libc().errno() === eopnotsupp) return none;
  check(length, 'list attributes of', subject);
  const names = bytesFrom(listBuffer, 0, length).split('\0').slice(0, -1) as ByteString[];
  const found = new Map<ByteString, ByteString>();
  for (const name of names.toSorted()) {
    const value = readOne(path, name, subject, get);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

function readOne(
  path: ByteString,
  attribute: ByteString,
  subject: ByteString,
  get: Libc['getxattr'],
): ByteString | undefined {
  const length = get(cString(path), cString(attribute, 1), valueBuffer, valueMax);
  if (length >= 0) return bytesFrom(valueBuffer, 0, length);
  const errno = libc().errno();
  if (errno === enodata || errno === eopnotsupp) return undefined;
  throw errnoFault(errno, 'read attribute', `${attribute} of ${subject}` as ByteString);
}

const none: Xattrs = new Map();
