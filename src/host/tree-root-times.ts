import type { ByteString, Timestamp } from '../std/index.ts';
import { setTimesAt } from './directory-entry.ts';
import type { Tree } from './tree.ts';

/** Sets the times of a tree's root itself, which `Tree.setTimes` cannot name. */
export function setRootTimes(tree: Tree, mtime: Timestamp): void {
  setTimesAt({ dirfd: tree.fd, name: '.' as ByteString, subject: '/' as ByteString }, mtime);
}
