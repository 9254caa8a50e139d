import { Fault } from '../errors/index.ts';
import { showBytes } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { openInside, openPathDirectory } from './confined-open.ts';
import { readlinkAt } from './directory-entry.ts';
import { errnoFault } from './errno.ts';
import { statAt } from './file-status.ts';
import { closeFd } from './libc.ts';

/**
 * The path below `root` that `path` leads to when symlinks are followed as if `root` were `/`: no symlink, no `.` and
 * no `..` on it. From the first name on that is not there, the rest is taken as it stands (`..` still goes up).
 */
export function resolveInside(root: number, path: ByteString): ByteString {
  const pending = partsOf(path).toReversed();
  const done: ByteString[] = [];
  let followed = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '..') done.pop();
    else {
      const target = linkTarget(root, done, name);
      if (target === undefined) done.push(name);
      else {
        if ((followed += 1) > maxLinks) throw tooManyLinks(path);
        if (target.startsWith('/')) done.length = 0;
        pending.push(...partsOf(target).toReversed());
      }
    }
  }
  return done.join('/') as ByteString;
}

/** As the kernel's MAXSYMLINKS. */
const maxLinks = 40;
const enoent = 2;
const enotdir = 20;

function partsOf(path: ByteString): ByteString[] {
  return path.split('/').filter((each) => each !== '' && each !== '.') as ByteString[];
}

function linkTarget(root: number, parent: readonly ByteString[], name: ByteString): ByteString | undefined {
  const where = parent.join('/') as ByteString;
  const dirfd = openInside(root, where, openPathDirectory);
  if (dirfd === -enoent || dirfd === -enotdir) return undefined;
  if (dirfd < 0) throw errnoFault(-dirfd, 'open directory', where);
  try {
    return statAt(dirfd, name)?.type === 'symlink'
      ? readlinkAt(dirfd, name, `${where}/${name}` as ByteString)
      : undefined;
  } finally {
    closeFd(dirfd);
  }
}

function tooManyLinks(path: ByteString): Fault {
  return new Fault('invalid', `resolve ${showBytes(path)}: more than ${maxLinks} symlinks on the way`);
}
