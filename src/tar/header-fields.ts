import { sumOf } from './header-block.ts';

/** What goes into one ustar header block. Of texts that are too long the end is lost; so is a number that is too large. */
export interface HeaderFields {
  readonly name: string;
  readonly prefix: string;
  readonly link: string;
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly devMajor: number;
  readonly devMinor: number;
}

/** Whether a number fits its field of octal digits. */
export function fitsField(field: 'uid' | 'gid' | 'size' | 'mtime' | 'devMajor' | 'devMinor', value: number): boolean {
  return value >= 0 && value <= (field === 'size' || field === 'mtime' ? 0o77777777777 : 0o7777777);
}

/** Writes a header block at `start` of `target`, where there are zeros. */
export function writeHeaderBlock(target: Buffer, start: number, fields: HeaderFields): void {
  target.write(fields.name, start, 100, 'latin1');
  writeOctal(target, start + 100, 7, fields.mode);
  writeOctal(target, start + 108, 7, fields.uid);
  writeOctal(target, start + 116, 7, fields.gid);
  writeOctal(target, start + 124, 11, fields.size);
  writeOctal(target, start + 136, 11, fields.mtime);
  target.write(fields.typeFlag, start + 156, 1, 'latin1');
  if (fields.link !== '') target.write(fields.link, start + 157, 100, 'latin1');
  target.write('ustar\x0000', start + 257, 8, 'latin1');
  writeOctal(target, start + 329, 7, fields.devMajor);
  writeOctal(target, start + 337, 7, fields.devMinor);
  if (fields.prefix !== '') target.write(fields.prefix, start + 345, 155, 'latin1');
  writeOctal(target, start + 148, 6, sumOf(target, start));
  target[start + 155] = 0x20;
}

/** `digits` octal digits; zeros for a number that they cannot hold. */
function writeOctal(target: Buffer, start: number, digits: number, value: number): void {
  let rest = value >= 0 && value < 8 ** digits ? value : 0;
  for (let at = start + digits - 1; at >= start; at--) {
    const above = Math.floor(rest / 8);
    target[at] = 0x30 + (rest - above * 8);
    rest = above;
  }
}
