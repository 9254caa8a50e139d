import type { Timestamp } from '../std/index.ts';
import type { TarEntry } from './entry.ts';
import { fitsField } from './header-fields.ts';

/** Why an entry cannot be written, as the end of a sentence that starts with its name; undefined where it can. */
export function problemOf(entry: TarEntry): string | undefined {
  const { path, type, link, size } = entry;
  const isLink = type === 'link' || type === 'symlink';
  if (path === '' && type !== 'dir') return 'has no name';
  if (path.endsWith('/')) return 'ends in a slash';
  if (path.includes('\0') || link.includes('\0')) return 'has a NUL in its name or target';
  if (isLink !== (link !== '')) return isLink ? 'is a link without a target' : 'has a link target and is no link';
  if (!isNatural(size) || (size > 0 && type !== 'file')) return `is a ${type} and cannot have ${size} bytes`;
  if (!isNatural(entry.mode) || entry.mode > 0o7777) return `cannot have the mode ${entry.mode}`;
  if (!isId(entry.uid) || !isId(entry.gid)) return `cannot belong to ${entry.uid}:${entry.gid}`;
  if (!isDevice(entry)) return `cannot be device ${entry.devMajor}:${entry.devMinor}`;
  return isTime(entry.mtime) ? undefined : 'has a time that is none';
}

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isId(value: number): boolean {
  return isNatural(value) && value <= 0xffff_ffff;
}

function isDevice({ devMajor, devMinor }: TarEntry): boolean {
  const areWhole = isNatural(devMajor) && isNatural(devMinor);
  return areWhole && fitsField('devMajor', devMajor) && fitsField('devMinor', devMinor);
}

function isTime({ sec, nsec }: Timestamp): boolean {
  return Number.isSafeInteger(sec) && isNatural(nsec) && nsec < 1e9;
}
