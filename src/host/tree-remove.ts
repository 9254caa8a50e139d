import type { ByteString } from '../std/index.ts';
import { namesIn, openDirectoryAt, renameAt, rmdirAt, unlinkAt } from './directory-entry.ts';
import type { EntryPlace } from './directory-entry.ts';
import { errnoFault, errnoOf } from './errno.ts';
import { statAt } from './file-status.ts';
import { closeFd } from './libc.ts';

/**
 * Removes a directory's entry with all that is in it, by descriptors: no symlink is followed, not even one that takes
 * a directory's place meanwhile. A mount point inside is `conflict`, before anything in it is touched; what comes before it is
 * gone by then. Nothing at `place` is no failure, nor is what somebody else removes meanwhile; what a process that is about
 * to end still puts in is removed as well.
 *
 * At most `maxOpen` directories are open at once: what lies deeper is first moved up to the top.
 */
export function removeTree(place: EntryPlace): void {
  const levels: Level[] = [];
  try {
    descendOrUnlink(place, levels);
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.names.pop();
      if (name !== undefined) descendOrUnlink(placeIn(level, name), levels);
      else leave(levels);
    }
  } finally {
    for (const level of levels) closeFd(level.fd);
  }
}

const maxOpen = 128;
const maxEntered = 100;
const ebusy = 16;

interface Level {
  readonly fd: number;
  /** Where the directory itself stands in its parent. */
  readonly place: EntryPlace;
  readonly names: ByteString[];
  /** How often it was emptied: who is still writing may put something in meanwhile. */
  readonly entered: number;
}

function descendOrUnlink(place: EntryPlace, levels: Level[]): void {
  const status = statAt(place.dirfd, place.name);
  if (status === undefined) return;
  if (status.mountRoot) throw errnoFault(ebusy, 'remove', place.subject, 'it is a mount point');
  const top = levels[0];
  unlessGone(() => {
    if (status.type !== 'dir') unlinkAt(place);
    else if (top !== undefined && levels.length >= maxOpen) moveUp(place, top);
    else levels.push(enter(place));
  });
}

/** Two that remove the same tree at once both succeed. */
function unlessGone(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function enter(place: EntryPlace, entered = 1): Level {
  const fd = openDirectoryAt(place.dirfd, place.name, place.subject);
  try {
    return { fd, place, entered, names: namesIn(fd, place.subject) };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function leave(levels: Level[]): void {
  const level = levels.pop();
  if (level === undefined) return;
  closeFd(level.fd);
  unlessGone(() => {
    try {
      rmdirAt(level.place);
    } catch (error) {
      if (errnoOf(error) !== 'ENOTEMPTY' || level.entered > maxEntered) throw error;
      levels.push(enter(level.place, level.entered + 1));
    }
  });
}

/** The new name cannot be taken: the top's names are known, and this one is longer than each of them could make it. */
function moveUp(place: EntryPlace, top: Level): void {
  const name = freeName(top);
  renameAt(place, placeIn(top, name), 0);
  top.names.push(name);
}

function freeName(top: Level): ByteString {
  for (let number = 0; ; number += 1) {
    const name = `.remove-${number}` as ByteString;
    if (statAt(top.fd, name) === undefined) return name;
  }
}

function placeIn(level: Level, name: ByteString): EntryPlace {
  return { dirfd: level.fd, name, subject: `${level.place.subject}/${name}` as ByteString };
}
