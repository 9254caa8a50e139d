import { createHash } from 'node:crypto';
import { Fault } from '../errors/index.ts';
import type { TarEntry, TarPlace, TarReadOptions, TarSummary } from './index.ts';
import { blockSize, paddingOf, TarParser } from './index.ts';
import { sumOf } from './header-block.ts';
import { writeHeaderBlock } from './header-fields.ts';

/** A member with the sha256 of its restored content; undefined where it is too large to be restored here. */
export interface ReadMember {
  readonly entry: TarEntry;
  readonly place: TarPlace;
  contentSha256: string | undefined;
}

export interface ReadArchive {
  readonly members: readonly ReadMember[];
  readonly summary: TarSummary | undefined;
  readonly fault: Fault | undefined;
}

export interface ReadArchiveOptions extends TarReadOptions {
  /** How long the chunks are that the parser is given; called for each one. Default: all at once. */
  readonly chunkBytes?: () => number;
  /** Above this size a file's content is passed over. Default: 1 MiB. */
  readonly maxRestoredBytes?: number;
}

/** Everything that can be read of an archive, up to the Fault where there is one. */
export function readArchive(archive: Uint8Array, options: ReadArchiveOptions = {}): ReadArchive {
  const members: ReadMember[] = [];
  const parser = new TarParser(
    {
      entry(entry, place) {
        const member: ReadMember = { entry, place, contentSha256: undefined };
        members.push(member);
        if (entry.size > (options.maxRestoredBytes ?? 1024 * 1024)) return undefined;
        const hash = createHash('sha256');
        let restored = 0;
        const fill = (offset: number): void => {
          hash.update(Buffer.alloc(offset - restored));
          restored = offset;
        };
        return {
          write(chunk, offset) {
            fill(offset);
            hash.update(chunk);
            restored += chunk.length;
          },
          end() {
            fill(entry.size);
            member.contentSha256 = hash.digest('hex');
          },
        };
      },
    },
    options,
  );
  try {
    for (let at = 0; at < archive.length;) {
      const end = at + (options.chunkBytes?.() ?? archive.length);
      parser.write(archive.subarray(at, end));
      at = end;
    }
    return { members, summary: parser.end(), fault: undefined };
  } catch (error) {
    if (!Fault.is(error)) throw error;
    return { members, summary: undefined, fault: error };
  }
}

export interface RawMember {
  readonly typeFlag: string;
  /** A byte a char. */
  readonly content: string;
  readonly name?: string;
  /** What the header says of the size; default: the content's. */
  readonly size?: number;
  /** Bytes that replace those of the header from an offset on. */
  readonly fields?: readonly (readonly [number, readonly number[]])[];
}

/** A header block with whatever is wanted in it, its content and the padding. */
export function rawMember(member: RawMember): Buffer {
  const { typeFlag, content, name = 'file', size = content.length, fields = [] } = member;
  const bytes = Buffer.alloc(blockSize + content.length + paddingOf(content.length));
  const zeros = { prefix: '', link: '', mode: 0, uid: 0, gid: 0, mtime: 0, devMajor: 0, devMinor: 0 };
  writeHeaderBlock(bytes, 0, { ...zeros, name, typeFlag, size });
  for (const [offset, replacement] of fields) bytes.set(replacement, offset);
  fixChecksum(bytes, 0);
  bytes.write(content, blockSize, 'latin1');
  return bytes;
}

/** Makes the checksum of the header block at `start` right. */
export function fixChecksum(bytes: Buffer, start: number): void {
  bytes.write(`${sumOf(bytes, start).toString(8).padStart(6, '0')}\0 `, start + 148, 'latin1');
}
