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
  let sum = blanksAndMagic;
  sum += writeText(target, start, 100, fields.name);
  sum += writeOctal(target, start + 100, 7, fields.mode);
  sum += writeOctal(target, start + 108, 7, fields.uid);
  sum += writeOctal(target, start + 116, 7, fields.gid);
  sum += writeOctal(target, start + 124, 11, fields.size);
  sum += writeOctal(target, start + 136, 11, fields.mtime);
  sum += writeText(target, start + 156, 1, fields.typeFlag);
  sum += writeText(target, start + 157, 100, fields.link);
  magic.copy(target, start + 257);
  sum += writeOctal(target, start + 329, 7, fields.devMajor);
  sum += writeOctal(target, start + 337, 7, fields.devMinor);
  sum += writeText(target, start + 345, 155, fields.prefix);
  writeOctal(target, start + 148, 6, sum);
  target[start + 155] = 0x20;
}

const magic = Buffer.from('ustar\x0000', 'latin1');
/** What the checksum counts of every header: its own field as eight blanks, and the magic. */
const blanksAndMagic = 8 * 0x20 + magic.reduce((sum, byte) => sum + byte, 0);

/** `maxBytes` of `text` at most; gives the sum of the bytes. Names are short: calls of Buffer's would take longer. */
function writeText(target: Buffer, start: number, maxBytes: number, text: string): number {
  const length = Math.min(text.length, maxBytes);
  let sum = 0;
  for (let index = 0; index < length; index += 1) {
    const byte = text.charCodeAt(index);
    target[start + index] = byte;
    sum += byte;
  }
  return sum;
}

const powersOfEight: readonly number[] = Array.from({ length: 12 }, (_, power) => 8 ** power);

/** `digits` octal digits, zeros for a number that they cannot hold; gives their sum. */
function writeOctal(target: Buffer, start: number, digits: number, value: number): number {
  let rest = value >= 0 && value < (powersOfEight[digits] ?? 0) ? value : 0;
  let sum = 0;
  for (let at = start + digits - 1; at >= start; at--) {
    const above = Math.floor(rest / 8);
    const byte = 0x30 + (rest - above * 8);
    target[at] = byte;
    sum += byte;
    rest = above;
  }
  return sum;
}
