import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { openDetached } from './detached-mount.ts';
import { errnoOf } from './errno.ts';
import { FilesystemContext } from './filesystem-context.ts';
import { atFdcwd, cString, check, closeFd, libc } from './libc.ts';
import { readMountInfo } from './mount-info.ts';
import { overlayDefaults } from './mounts.ts';
import type { BindOptions, DetachedMount, ErofsSource, Mounts, OverlaySource } from './mounts.ts';
import { openFlag } from './open-flags.ts';
import { Tree } from './tree.ts';

/** The mounts of this machine, through the calls of fsopen(2), which Linux has since 5.2. */
export function linuxMounts(): Mounts {
  return { erofs, overlay, bind, tmpfs, attach, unmount, list: readMountInfo };
}

function erofs(source: ErofsSource): DetachedMount {
  using pins = new Pins();
  using context = new FilesystemContext('erofs', source.image);
  context.set('source', pins.path(source.image));
  for (const device of source.devices) context.set('device', pins.path(device));
  context.setFlag('ro');
  return context.mount(attribute.readOnly);
}

function overlay(source: OverlaySource): DetachedMount {
  const { lower, upper, work } = source;
  if (lower.length === 0 || (upper === undefined) !== (work === undefined)) {
    throw new Fault('invalid', 'mount overlay: it takes a lower directory, and upper and work only together');
  }
  try {
    return overlayOf(source);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL' || lower.every((each) => typeof each === 'string')) throw error;
    return overlayOfAttached(source);
  }
}

function overlayOf(source: OverlaySource): DetachedMount {
  const { lower, upper, work } = source;
  using pins = new Pins();
  using context = new FilesystemContext('overlay', upper ?? `${lower.length} lower directories`);
  context.set('source', 'overlay');
  for (const each of lower) context.setDirectory('lowerdir+', pins.descriptor(each));
  if (upper !== undefined) context.setDirectory('upperdir', pins.descriptor(upper));
  if (work !== undefined) context.setDirectory('workdir', pins.descriptor(work));
  for (const [key, value] of Object.entries({ ...overlayDefaults, ...source.options })) {
    if (value === '') context.setFlag(key);
    else context.set(key, value);
  }
  return context.mount(upper === undefined ? attribute.readOnly : 0);
}

/** Kernels before 6.15 stack only mounts that are attached: so they are, somewhere private, until the overlay stands. */
export function overlayOfAttached(source: OverlaySource): DetachedMount {
  const scratch = mkdtempSync(join(tmpdir(), 'varve-layers-'));
  const attached: string[] = [];
  try {
    const lower = source.lower.map((each, index) => {
      if (typeof each === 'string') return each;
      const target = join(scratch, String(index));
      mkdirSync(target, { mode: 0o700 });
      attach(each, target);
      attached.push(target);
      return target;
    });
    return overlayOf({ ...source, lower });
  } finally {
    for (const target of attached) unmount(target, { detach: true });
    using parent = Tree.open(dirname(scratch));
    parent.remove(bytesOf(basename(scratch)));
  }
}

function bind(source: string | number, options: BindOptions = {}): DetachedMount {
  const recursive = options.recursive === true ? atRecursive : 0;
  const byPath = typeof source === 'string';
  const subject = bytesOf(byPath ? source : `descriptor ${source}`);
  const flags = openTreeClone | openFlag.cloexec | recursive | (byPath ? 0 : atEmptyPath);
  const path = cString(bytesOf(byPath ? source : ''));
  const fd = check(libc().openTree(byPath ? atFdcwd : source, path, flags), 'bind', subject);
  const mount = openDetached(fd);
  try {
    setAttributes(mount, options.readOnly === true ? attribute.readOnly : 0, recursive);
    return mount;
  } catch (error) {
    mount.close();
    throw error;
  }
}

function tmpfs(options: { readonly sizeBytes: number; readonly mode?: number }): DetachedMount {
  using context = new FilesystemContext('tmpfs', `of ${options.sizeBytes} bytes`);
  context.set('source', 'tmpfs');
  context.set('size', String(options.sizeBytes));
  context.set('mode', (options.mode ?? 0o755).toString(8));
  return context.mount(attribute.nosuid | attribute.nodev);
}

function attach(mount: DetachedMount, target: string): void {
  const result = libc().moveMount(mount.fd, cString(emptyPath, 1), atFdcwd, cString(bytesOf(target)), moveEmptyPath);
  check(result, 'attach a mount at', bytesOf(target));
}

function unmount(target: string, options: { readonly detach: boolean } = { detach: false }): void {
  const flags = umountNofollow | (options.detach ? mntDetach : 0);
  check(libc().umount2(cString(bytesOf(target)), flags), 'unmount', bytesOf(target));
}

/** struct mount_attr: what to set, what to clear, propagation, user namespace. */
function setAttributes(mount: DetachedMount, set: number, recursive: number): void {
  const attributes = Buffer.alloc(32);
  attributes.writeUInt32LE(set, 0);
  attributes.writeUInt32LE(msPrivate, 16);
  const flags = atEmptyPath | recursive;
  const result = libc().mountSetattr(mount.fd, cString(emptyPath), flags, attributes, attributes.length);
  check(result, 'set attributes of', bytesOf(mount.path));
}

/** Descriptors of directories and files that a mount is built from, open until it stands. */
class Pins implements Disposable {
  readonly #fds: number[] = [];

  descriptor(directory: DetachedMount | string): number {
    if (typeof directory !== 'string') return directory.fd;
    const subject = bytesOf(directory);
    const fd = libc().openat(atFdcwd, cString(subject), openFlag.path | openFlag.cloexec, 0);
    this.#fds.push(check(fd, 'open', subject));
    return fd;
  }

  /** A short path to what is at `path` now. */
  path(path: string): string {
    return `/proc/self/fd/${this.descriptor(path)}`;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) closeFd(fd);
  }
}

const emptyPath = bytesOf('');
const atEmptyPath = 0x1000;
const atRecursive = 0x8000;
const openTreeClone = 1;
const moveEmptyPath = 4;
const umountNofollow = 8;
const mntDetach = 2;
const msPrivate = 1 << 18;

/** MOUNT_ATTR_* */
const attribute = { readOnly: 1, nosuid: 2, nodev: 4 } as const;
