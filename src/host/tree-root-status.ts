import type { ByteString, Timestamp } from '../std/index.ts';
import { chmodAt, chownAt, setTimesAt } from './directory-entry.ts';
import type { Tree } from './tree.ts';
import { setXattrAt } from './xattrs.ts';
import type { Xattrs } from './xattrs.ts';

export interface RootStatus {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly mtime: Timestamp;
  readonly xattrs: Xattrs;
}

/** Gives a tree's root itself, which the methods of `Tree` cannot name, this owner, mode and time, and these attributes. */
export function setRootStatus(tree: Tree, status: RootStatus): void {
  const root = { dirfd: tree.fd, name: '.' as ByteString, subject: '/' as ByteString };
  chownAt(root, status.uid, status.gid);
  for (const [name, value] of status.xattrs) setXattrAt(root.dirfd, root.name, name, value);
  chmodAt(root, status.mode);
  setTimesAt(root, status.mtime);
}
