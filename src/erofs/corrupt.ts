import { Fault } from '../errors/index.ts';

/** What is wrong with an image that is being read. */
export function corrupt(what: string): Fault {
  return new Fault('corrupt', `read an EROFS image: ${what}`);
}

/** A 64-bit number of the image that must be a safe integer. */
export function readUInt53(raw: Buffer, at: number): number {
  const high = raw.readUInt32LE(at + 4);
  if (high >= 2 ** 21) throw corrupt('a number is out of range');
  return high * 2 ** 32 + raw.readUInt32LE(at);
}
