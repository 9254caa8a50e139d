import { posix } from 'node:path';
import { textOf } from '../std/index.ts';
import { TarParser, type TarContent, type TarEntry, type TarPlace } from '../tar/index.ts';

/** A member of an archive of images. Paths are relative to the archive's root, cleaned. */
export type ArchiveMember =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly sizeBytes: number;
      /** To be read before the next member is asked for, once; what is left of it then is passed over. */
      readonly content: AsyncIterable<Uint8Array>;
    }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/**
 * The files and links of a tar, in its order, from bytes that come once. Nothing is written anywhere: a name is a key to
 * look up and no more. Members whose name leaves the archive, and what is neither file nor link, are passed over; a
 * link that leaves it leads nowhere.
 */
export async function* archiveMembers(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveMember, void> {
  const events = archiveEvents(bytes);
  try {
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      const { value: event } = next;
      if (event.kind === 'link') yield event;
      if (event.kind === 'file') yield { ...event, content: contentOf(events) };
    }
  } finally {
    await events.return();
  }
}

/** The path inside the archive that `path`, seen from the folder `from`, means; undefined where it leaves the archive. */
export function insideArchive(path: string, from = ''): string | undefined {
  if (path.startsWith('/') && from !== '') return undefined;
  const clean = posix.normalize(posix.join(from, path.replace(/^\/+/, '')));
  return clean === '..' || clean.startsWith('../') || clean === '.' ? undefined : clean;
}

type ArchiveEvent =
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' };

/** Real archives have a few members for each layer. */
const limits = { entries: 100_000 };

async function* archiveEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEvent, void> {
  const events: ArchiveEvent[] = [];
  const parser = new TarParser({ entry: (entry, place) => enter(entry, place, events) }, { limits });
  for await (const chunk of bytes) {
    parser.write(chunk);
    yield* events.splice(0);
  }
  parser.end();
  yield* events;
}

function enter(entry: TarEntry, place: TarPlace, events: ArchiveEvent[]): TarContent | undefined {
  const path = insideArchive(textOf(entry.path) ?? '..');
  if (path === undefined) return undefined;
  if (entry.type === 'symlink' || entry.type === 'link') {
    const from = entry.type === 'link' ? '' : posix.dirname(path);
    const target = insideArchive(textOf(entry.link) ?? '..', from);
    if (target !== undefined) events.push({ kind: 'link', path, target });
  }
  if (entry.type !== 'file' || place.segments !== undefined) return undefined;
  events.push({ kind: 'file', path, sizeBytes: entry.size });
  return {
    write: (chunk) => void events.push({ kind: 'bytes', bytes: chunk }),
    end: () => void events.push({ kind: 'end' }),
  };
}

async function* contentOf(events: AsyncGenerator<ArchiveEvent, void>): AsyncGenerator<Uint8Array, void> {
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    if (next.value.kind !== 'bytes') return;
    yield next.value.bytes;
  }
}
