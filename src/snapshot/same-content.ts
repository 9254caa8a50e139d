import { closeSync, readSync } from 'node:fs';
import type { Tree } from '../host/index.ts';
import type { OpenTree } from '../layer/index.ts';
import type { PresentEntry } from './upper-entries.ts';

/**
 * True if a copied-up file or link that looks like the one below also holds the same.
 *
 * Overlayfs keeps the times of what it copies up, to the nanosecond, so times tell, except where the time below has no
 * fraction: it was set by a program, or kept by a format with whole seconds, and may have been set again to the same.
 */
export function sameContent(upper: Tree, below: OpenTree, entry: PresentEntry): boolean {
  const { status, lower, path } = entry;
  if (lower === undefined) return false;
  if (status.type === 'symlink') return upper.readlink(path) === lower.link;
  if (status.type !== 'file' || status.size === 0 || status.mtime.nsec !== 0) return true;
  const fd = upper.openFile(path, { follow: false });
  try {
    return holds(fd, below.read(path));
  } finally {
    closeSync(fd);
  }
}

function holds(fd: number, content: Iterable<Uint8Array>): boolean {
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (const piece of content) {
    let done = 0;
    while (done < piece.length) {
      const count = readSync(fd, buffer, done, piece.length - done, null);
      if (count === 0) return false;
      done += count;
    }
    if (buffer.compare(piece, 0, piece.length, 0, piece.length) !== 0) return false;
  }
  return readSync(fd, buffer, 0, 1, null) === 0;
}
