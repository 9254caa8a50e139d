import { closeSync, ftruncateSync } from 'node:fs';
import {
  copyRange,
  dataExtents,
  openFileAt,
  setRootStatus,
  xattrsAt,
  xattrsOfFd,
  type Tree,
  type WalkEntry,
} from '../host/index.ts';
import { bytesOf, type ByteString, type Timestamp } from '../std/index.ts';

/**
 * Copies what is in the directory `from` into the empty directory `to`: owners, modes, times, attributes, hard links and
 * holes are kept; sockets, which mean nothing without their process, are left out.
 */
export function copyTree(from: Tree, to: Tree): void {
  const links = new Map<bigint, ByteString>();
  const directories: { readonly path: ByteString; readonly mtime: Timestamp }[] = [];
  for (const entry of from.walk(bytesOf(''))) {
    const { path, status } = entry;
    if (status.type === 'socket') continue;
    const first = status.type === 'dir' ? undefined : links.get(status.ino);
    if (first !== undefined) {
      to.link(path, first);
      continue;
    }
    makeEntry(from, to, entry);
    copyMetadata(to, entry);
    if (status.type === 'dir') directories.push({ path, mtime: status.mtime });
    else if (status.nlink > 1) links.set(status.ino, path);
  }
  for (const { path, mtime } of directories.toReversed()) to.setTimes(path, mtime);
}

/** Gives the directory `name` of `to` the owner, mode and attributes of the root of `from`. */
export function copyRootMetadata(from: Tree, to: Tree, name: ByteString): void {
  const status = from.stat(bytesOf(''));
  if (status === undefined) return;
  to.setOwner(name, status.uid, status.gid);
  for (const [attribute, value] of xattrsOfFd(from.fd, name)) setKept(to, name, { attribute, value });
  to.setMode(name, status.mode);
}

/** Gives the root of `to` itself the owner, mode, time and attributes of the root of `from`. */
export function copyRootStatus(from: Tree, to: Tree): void {
  const root = bytesOf('');
  const status = from.stat(root);
  if (status === undefined) return;
  const xattrs = [...xattrsOfFd(from.fd, root)].filter(([name]) => isKeptAttribute(name));
  const { uid, gid, mode, mtime } = status;
  setRootStatus(to, { uid, gid, mode, mtime, xattrs: new Map(xattrs) });
}

function makeEntry(from: Tree, to: Tree, { path, status, dirfd, name }: WalkEntry): void {
  switch (status.type) {
    case 'dir':
      return to.mkdir(path, 0o700);
    case 'symlink':
      return to.symlink(path, from.readlink(path));
    case 'file':
      return copyContent(openFileAt(dirfd, name, path), to.createFile(path), status.size);
    case 'fifo':
      return to.mknod(path, { type: 'fifo' });
    case 'char':
    case 'block':
      return to.mknod(path, { type: status.type, major: status.rdevMajor, minor: status.rdevMinor });
    case 'socket':
      return undefined;
  }
}

/** Takes over both descriptors. */
function copyContent(from: number, to: number, size: number): void {
  try {
    ftruncateSync(to, size);
    for (const { offset, length } of dataExtents(from)) {
      copyRange({ from, fromOffset: offset, to, toOffset: offset, length });
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** In this order: a change of owner clears setuid bits and capabilities. */
function copyMetadata(to: Tree, { path, status, dirfd, name }: WalkEntry): void {
  to.setOwner(path, status.uid, status.gid);
  for (const [attribute, value] of xattrsAt(dirfd, name, path)) setKept(to, path, { attribute, value });
  if (status.type !== 'symlink') to.setMode(path, status.mode);
  if (status.type !== 'dir') to.setTimes(path, status.mtime);
}

interface Attribute {
  readonly attribute: ByteString;
  readonly value: ByteString;
}

/** Labels are this machine's, and what overlayfs keeps for itself has no meaning elsewhere. */
function setKept(to: Tree, path: ByteString, { attribute, value }: Attribute): void {
  if (isKeptAttribute(attribute)) to.setXattr(path, attribute, value);
}

export function isKeptAttribute(name: ByteString): boolean {
  return name !== 'security.selinux' && !/^(trusted|user)\.overlay\./.test(name);
}
