import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { detectCompression, textOf } from '../std/index.ts';
import type { TarEntry, TarPlace } from '../tar/index.ts';
import { TarParser } from '../tar/index.ts';

/** The files of a layout, wherever they lie. Paths are those of the specification: `blobs/sha256/…`. */
export interface LayoutFiles {
  /** For messages. */
  readonly name: string;
  /** The file's place and length; undefined if there is no such file. */
  find(path: string): Promise<LayoutFile | undefined>;
}

export interface LayoutFile {
  readonly sizeBytes: number;
  read(offsetBytes: number): AsyncIterable<Uint8Array>;
}

export function directoryFiles(directory: string): LayoutFiles {
  const find = async (path: string): Promise<LayoutFile | undefined> => {
    const file = join(directory, path);
    await using handle = await openFile(file);
    if (handle === undefined) return undefined;
    const sizeBytes = await fileSize(handle, file);
    return { sizeBytes, read: (offsetBytes) => readRange(file, offsetBytes, sizeBytes) };
  };
  return { name: directory, find };
}

/** Scans the archive once; its files are then read where they lie. Of a compressed one nothing can be read in place. */
export async function archiveFiles(archive: string): Promise<LayoutFiles> {
  const places = await placesIn(archive).catch((error: unknown) => {
    throw Fault.wrap(`open image archive ${archive}`, error);
  });
  const find = (path: string): Promise<LayoutFile | undefined> => {
    const place = places.get(path);
    if (place === undefined) return Promise.resolve(undefined);
    const { start, sizeBytes } = place;
    return Promise.resolve({
      sizeBytes,
      read: (offsetBytes) => readRange(archive, start + offsetBytes, start + sizeBytes),
    });
  };
  return { name: archive, find };
}

interface Place {
  readonly start: number;
  readonly sizeBytes: number;
}

const chunkBytes = 256 * 1024;
const headerBytes = 64 * 1024;

async function placesIn(archive: string): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  const parser = new TarParser({
    entry: (entry, place) => {
      if (isPlainFile(entry, place)) places.set(pathOf(entry), { start: place.dataOffset, sizeBytes: entry.size });
      return undefined;
    },
  });
  await using handle = await openFile(archive);
  if (handle === undefined) throw new Fault('not-found', 'no such file');
  const sizeBytes = await fileSize(handle, archive);
  const buffer = Buffer.allocUnsafe(headerBytes);
  for (let at = 0; at < sizeBytes; at += parser.skip(sizeBytes - at)) {
    const { bytesRead } = await handle.read(buffer, 0, headerBytes, at);
    if (bytesRead === 0) break;
    if (at === 0) refuseCompressed(buffer.subarray(0, bytesRead));
    parser.write(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  parser.end();
  return places;
}

function refuseCompressed(head: Uint8Array): void {
  const compression = detectCompression(head);
  if (compression === 'none') return;
  throw new Fault('unsupported', `it is compressed (${compression}), and its parts cannot be read in their places`, {
    hint: "unpack it, or bring its images into the store with 'varve load'",
  });
}

function isPlainFile(entry: TarEntry, place: TarPlace): boolean {
  return entry.type === 'file' && place.segments === undefined;
}

/** Some tools write `./index.json`. */
function pathOf(entry: TarEntry): string {
  return (textOf(entry.path) ?? '').replace(/^(\.?\/)+/, '');
}

/** Does not wait where a FIFO stands in the file's place. */
async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Fault(code === 'EACCES' ? 'denied' : 'unavailable', `open ${path}: ${code}`, { cause: error });
  }
}

async function fileSize(handle: FileHandle, path: string): Promise<number> {
  const status = await handle.stat();
  if (status.isFile()) return status.size;
  throw new Fault('invalid', `open ${path}: not a regular file`);
}

async function* readRange(path: string, start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
  await using handle = await openFile(path);
  if (handle === undefined) throw new Fault('not-found', `open ${path}: no such file any more`);
  for (let at = start; at < end;) {
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, end - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new Fault('corrupt', `read ${path}: it ends at ${at}, not at ${end}`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
