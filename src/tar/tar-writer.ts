import { Fault } from '../errors/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import { showBytes, textOf } from '../std/index.ts';
import { blockSize, paddingOf } from './blocks.ts';
import type { TarEntry, TarType } from './entry.ts';
import type { HeaderFields } from './header-fields.ts';
import { fitsField, writeHeaderBlock } from './header-fields.ts';
import { problemOf } from './entry-problem.ts';
import { formatPaxRecord } from './pax-records.ts';
import { defaultTarLimits } from './tar-limits.ts';
import { schilyPrefix } from './xattr-records.ts';

/**
 * The header of a member, a whole number of blocks: what goes before its content. One entry has one header, on every
 * machine and at every time.
 *
 * It is a ustar header, with a PAX header before it for what that one cannot hold: a name that is not ASCII or does not
 * fit, a target likewise, a size of 8 GiB and more, an id above 2097151, a time with a fraction, before 1970 or after
 * 2242, extended attributes. Names that are not UTF-8 stand there as they are, under `hdrcharset=BINARY` as POSIX has it
 * (Go and GNU tar read them without it, libarchive and Python mind). Records are sorted by key; owners have numbers and no names; atime and ctime are left out.
 * A sparse file is written with all its content.
 *
 * Fault `invalid` for an entry that no archive can hold (see `TarEntry`), `unsupported` for an attribute with `=` in its
 * name, `exhausted` for more attributes than readers take.
 */
export function formatHeader(entry: TarEntry): Buffer {
  const problem = problemOf(entry);
  if (problem !== undefined) throw new Fault('invalid', `write tar: ${showBytes(entry.path)} ${problem}`);
  const name = entry.type === 'dir' ? (`${entry.path}/` as ByteString) : entry.path;
  const split = splitName(name);
  const body = paxBody(entry, { name, isSplit: split !== undefined });
  const start = body === '' ? 0 : blockSize + body.length + paddingOf(body.length);
  const header = Buffer.allocUnsafe(start + blockSize).fill(0);
  if (body !== '') {
    paxHeaderBlock(body.length).copy(header);
    header.write(body, blockSize, 'latin1');
  }
  writeHeaderBlock(header, start, fieldsOf(entry, split ?? { prefix: '', name }));
  return header;
}

interface SplitName {
  readonly prefix: string;
  readonly name: string;
}

const typeFlags: Readonly<Record<TarType, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  dir: '5',
  fifo: '6',
};

/** The header block of a PAX header. Most are as long as few others: those of one block are made once. */
function paxHeaderBlock(size: number): Buffer {
  const known = paxHeaderBlocks[size];
  if (known !== undefined) return known;
  const block = Buffer.alloc(blockSize);
  writeHeaderBlock(block, 0, { ...paxHeaderFields, size });
  if (size <= blockSize) paxHeaderBlocks[size] = block;
  return block;
}

const paxHeaderBlocks: Buffer[] = [];

const paxHeaderFields: HeaderFields = {
  name: '././@PaxHeader',
  prefix: '',
  link: '',
  typeFlag: 'x',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  devMajor: 0,
  devMinor: 0,
};

/** What a PAX record says again stands here as far as it goes. */
function fieldsOf(entry: TarEntry, { prefix, name }: SplitName): HeaderFields {
  return {
    name,
    prefix,
    link: entry.link,
    typeFlag: typeFlags[entry.type],
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    mtime: entry.mtime.sec,
    devMajor: entry.devMajor,
    devMinor: entry.devMinor,
  };
}

/** The records that the entry needs, sorted by key; '' where it needs none. */
function paxBody(entry: TarEntry, { name, isSplit }: { readonly name: ByteString; readonly isSplit: boolean }): string {
  const isPlain = isAscii(name) && isAscii(entry.link);
  const records: [string, string][] = [];
  for (const [key, value] of entry.xattrs) records.push([xattrKey(key), value]);
  if (!fitsField('gid', entry.gid)) records.push(['gid', String(entry.gid)]);
  if (!isPlain && !(isUtf8(name) && isUtf8(entry.link))) records.push(['hdrcharset', 'BINARY']);
  if (entry.link.length > 100 || !isAscii(entry.link)) records.push(['linkpath', entry.link]);
  if (entry.mtime.nsec !== 0 || !fitsField('mtime', entry.mtime.sec)) records.push(['mtime', formatTime(entry.mtime)]);
  if (!isSplit) records.push(['path', name]);
  if (!fitsField('size', entry.size)) records.push(['size', String(entry.size)]);
  if (!fitsField('uid', entry.uid)) records.push(['uid', String(entry.uid)]);
  if (records.length === 0) return '';
  if (entry.xattrs.size > 1) records.sort(([a], [b]) => (a < b ? -1 : 1));
  let body = '';
  for (const [key, value] of records) body += formatPaxRecord(key, value as ByteString);
  if (body.length <= defaultTarLimits.extensionBytes) return body;
  throw new Fault('exhausted', `write tar: ${showBytes(entry.path)} has too many extended attributes`);
}

function xattrKey(name: ByteString): string {
  if (!name.includes('=')) return schilyPrefix + name;
  throw new Fault('unsupported', `write tar: extended attribute ${showBytes(name)} has "=" in its name`);
}

/** The name in the fields of a ustar header; undefined where they cannot hold it. */
function splitName(name: ByteString): SplitName | undefined {
  if (name.length > 256 || !isAscii(name)) return undefined;
  if (name.length <= 100) return { prefix: '', name };
  const slash = name.lastIndexOf('/', Math.min(155, name.length - 2));
  if (slash <= 0 || name.length - slash - 1 > 100) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

function formatTime({ sec, nsec }: Timestamp): string {
  if (nsec === 0) return String(sec);
  const isBefore = sec < 0;
  const whole = isBefore ? -sec - 1 : sec;
  // The one in front keeps the zeros behind it.
  let fraction = 1e9 + (isBefore ? 1e9 - nsec : nsec);
  while (fraction % 10 === 0) fraction /= 10;
  return `${isBefore ? '-' : ''}${whole}.${String(fraction).slice(1)}`;
}

function isUtf8(bytes: ByteString): boolean {
  return textOf(bytes) !== undefined;
}

function isAscii(bytes: string): boolean {
  return !/[\x80-\xff]/.test(bytes);
}
