import { closeSync, readSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { openFileAt, readlinkAt, xattrsAt, type Tree, type WalkEntry } from '../host/index.ts';
import { bytesOf, showBytes, type ByteString } from '../std/index.ts';
import { endOfArchive, formatHeader, paddingOf, PieceBuffer, type TarEntry } from '../tar/index.ts';
import { isKeptAttribute } from '../snapshot/index.ts';

/**
 * A tree as a tar, in pieces of about 1 MiB, each used up before the next is asked for. The same tree gives the same
 * bytes. Names of one file stay one file, sockets are left out, and so are the paths that `isLeftOut` names.
 */
export function* exportTree(
  tree: Tree,
  isLeftOut: (path: ByteString) => boolean,
): Generator<Uint8Array, void, undefined> {
  const buffer = new PieceBuffer();
  const links = new Map<bigint, ByteString>();
  for (const entry of tree.walk(bytesOf(''))) {
    const { path, status } = entry;
    if (status.type === 'socket' || isLeftOut(path)) continue;
    const first = status.type === 'dir' ? undefined : links.get(status.ino);
    yield* buffer.add(formatHeader(first === undefined ? entryOf(entry) : linkOf(entry, first)));
    if (first === undefined && status.type === 'file') yield* content(entry, buffer);
    if (first === undefined && status.type !== 'dir' && status.nlink > 1) links.set(status.ino, path);
  }
  yield* buffer.add(endOfArchive);
  yield* buffer.rest();
}

function entryOf({ path, status, dirfd, name }: WalkEntry): TarEntry {
  const xattrs = [...xattrsAt(dirfd, name, path)].filter(([attribute]) => isKeptAttribute(attribute));
  return {
    path,
    type: status.type === 'socket' ? 'fifo' : status.type,
    mode: status.mode,
    uid: status.uid,
    gid: status.gid,
    size: status.type === 'file' ? status.size : 0,
    mtime: status.mtime,
    link: status.type === 'symlink' ? readlinkAt(dirfd, name, path) : bytesOf(''),
    devMajor: status.rdevMajor,
    devMinor: status.rdevMinor,
    xattrs: new Map(xattrs),
  };
}

function linkOf(entry: WalkEntry, first: ByteString): TarEntry {
  return { ...entryOf(entry), type: 'link', size: 0, link: first, devMajor: 0, devMinor: 0, xattrs: new Map() };
}

/** A running container may write to the file meanwhile; an archive that lies about a length would be of no use. */
function* content(
  { path, status, dirfd, name }: WalkEntry,
  buffer: PieceBuffer,
): Generator<Uint8Array, void, undefined> {
  const fd = openFileAt(dirfd, name, path);
  try {
    for (let left = status.size; left > 0;) {
      const count = readSync(fd, buffer.room(left));
      if (count === 0) throw changed(path);
      left -= count;
      yield* buffer.filled(count);
    }
  } finally {
    closeSync(fd);
  }
  const padding = paddingOf(status.size);
  if (padding > 0) yield* buffer.add(zeros.subarray(0, padding));
}

const zeros = new Uint8Array(512);

function changed(path: ByteString): Fault {
  return new Fault('conflict', `export /${showBytes(path)}: it became shorter while it was read`, {
    hint: 'run it again when nothing writes to the file',
  });
}
