import { Fault } from '../errors/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import { showBytes } from '../std/index.ts';
import type { TarEntry, TarType } from './entry.ts';
import type { HeaderBlock } from './header-block.ts';
import { parseDecimal, parseTime } from './header-numbers.ts';
import type { PaxRecords } from './pax-records.ts';
import type { TarLimits } from './tar-limits.ts';
import { checkXattr, readXattrs } from './xattr-records.ts';

/** What stood before a member's header and applies to it. */
export interface Extensions {
  readonly records: PaxRecords;
  /** GNU long names; '' where there was none. They win over PAX records, as in Go. */
  readonly longName: ByteString;
  readonly longLink: ByteString;
}

/** A member as its headers describe it, before a sparse map is applied. */
export interface Description {
  /** Undefined for what is no file: a volume label, or the access control list that Solaris puts before a file. */
  readonly entry: TarEntry | undefined;
  /** How many bytes follow the headers, without padding. */
  readonly storedSize: number;
}

/**
 * The header and its extensions taken together.
 *
 * Fault `unsupported` for a type that POSIX and GNU tar do not define, `invalid` for a value that makes no sense,
 * `exhausted` beyond a limit.
 */
export function describeMember(header: HeaderBlock, extensions: Extensions, limits: TarLimits): Description {
  const { records } = extensions;
  const name = extensions.longName || textRecord(records, 'path') || header.path;
  const type = typeOf(header.typeFlag, name);
  const storedSize = typesWithContent.has(type) ? storedSizeOf(header, records) : 0;
  if (type === 'nothing') return { entry: undefined, storedSize };
  const isLink = type === 'link' || type === 'symlink';
  const isDevice = type === 'char' || type === 'block';
  const link = extensions.longLink || textRecord(records, 'linkpath') || header.link;
  const entry: TarEntry = {
    path: checkLength(withoutSlashes(name), limits.pathBytes),
    type: type === 'dump' ? 'dir' : type,
    mode: header.mode & 0o7777,
    uid: checkId(numberRecord(records, 'uid') ?? header.uid),
    gid: checkId(numberRecord(records, 'gid') ?? header.gid),
    size: type === 'file' ? storedSize : 0,
    mtime: timeOf(records, header.mtime),
    link: isLink ? checkLength(link, limits.pathBytes) : nothing,
    devMajor: isDevice ? checkId(header.devMajor) : 0,
    devMinor: isDevice ? checkId(header.devMinor) : 0,
    xattrs: readXattrs(records, limits),
  };
  return { entry, storedSize };
}

/** Fault as `describeMember`'s for an entry that exceeds a limit. */
export function checkEntry({ path, link, xattrs }: TarEntry, limits: TarLimits): void {
  checkLength(path, limits.pathBytes);
  checkLength(link, limits.pathBytes);
  for (const [name, value] of xattrs) checkXattr(name, value, limits);
}

/** The entry of a sparse file whose true name and size stand in GNU's PAX records. */
export function withSparseRecords(entry: TarEntry, records: PaxRecords, limits: TarLimits): TarEntry {
  const name = textRecord(records, 'GNU.sparse.name');
  const size = numberRecord(records, 'GNU.sparse.size') ?? numberRecord(records, 'GNU.sparse.realsize') ?? entry.size;
  const path = name === '' ? entry.path : checkLength(withoutSlashes(name), limits.pathBytes);
  return { ...entry, path, size };
}

function storedSizeOf(header: HeaderBlock, records: PaxRecords): number {
  const size = numberRecord(records, 'size') ?? header.size;
  if (size >= 0 && header.size >= 0) return size;
  throw new Fault('invalid', `${showBytes(header.path)} has a negative size`);
}

/** `name` as an entry's path: without slashes at its end. */
function withoutSlashes(name: ByteString): ByteString {
  let end = name.length;
  while (end > 0 && name.charCodeAt(end - 1) === 0x2f) end--;
  return end === name.length ? name : (name.slice(0, end) as ByteString);
}

function checkLength(name: ByteString, maxBytes: number): ByteString {
  if (name.length <= maxBytes) return name;
  throw new Fault('exhausted', `${showBytes(name.slice(0, 60) as ByteString)}… is longer than ${maxBytes} bytes`);
}

const nothing = '' as ByteString;

/** `dump` is the directory of an incremental GNU dump: its content is a list of names. */
type MemberType = TarType | 'dump' | 'nothing';

/** What a header of the other types says about its size is of no account, as in Go and GNU tar. */
const typesWithContent: ReadonlySet<MemberType> = new Set(['file', 'dump', 'nothing'] as const);

const types: ReadonlyMap<string, MemberType> = new Map([
  ['\0', 'file'],
  ['0', 'file'],
  ['1', 'link'],
  ['2', 'symlink'],
  ['3', 'char'],
  ['4', 'block'],
  ['5', 'dir'],
  ['6', 'fifo'],
  ['7', 'file'],
  ['S', 'file'],
  ['D', 'dump'],
  ['V', 'nothing'],
  ['A', 'nothing'],
] as const);

function typeOf(typeFlag: number, name: ByteString): MemberType {
  if (typeFlag === 0 && name.endsWith('/')) return 'dir';
  const flag = String.fromCharCode(typeFlag);
  const type = types.get(flag);
  if (type !== undefined) return type;
  const what =
    flag === 'M' ? 'continues a file of another volume' : `has the unknown type "${showBytes(flag as ByteString)}"`;
  throw new Fault('unsupported', `${showBytes(name)} ${what}`);
}

/** An empty record leaves the header's value standing. */
function textRecord(records: PaxRecords, key: string): ByteString {
  return records.get(key) ?? nothing;
}

function numberRecord(records: PaxRecords, key: string): number | undefined {
  const value = textRecord(records, key);
  return value === '' ? undefined : parseDecimal(key, value);
}

function timeOf(records: PaxRecords, seconds: number): Timestamp {
  for (const key of ['atime', 'ctime']) parseOptionalTime(records, key);
  return parseOptionalTime(records, 'mtime') ?? { sec: seconds, nsec: 0 };
}

function parseOptionalTime(records: PaxRecords, key: string): Timestamp | undefined {
  const value = textRecord(records, key);
  return value === '' ? undefined : parseTime(key, value);
}

function checkId(id: number): number {
  if (id >= 0 && id <= 0xffff_ffff) return id;
  throw new Fault('invalid', `${id} is no user, group or device number`);
}
