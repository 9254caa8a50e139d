import { closeSync, statSync } from 'node:fs';
import { setRootTimes } from '../host/index.ts';
import type { Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import type { ByteString, Timestamp } from '../std/index.ts';
import type { MountSpec, RuntimeSpec } from './runtime-spec.ts';

/** A place in a root file system that something is to be mounted on. */
export interface MountTarget {
  /** Absolute, as the container sees it. */
  readonly path: string;
  readonly kind: 'dir' | 'file';
  /** Of the directory where it has to be made: some runtimes give it to what they mount there. 0755 where it is left out. */
  readonly mode?: number;
}

/** An empty file or directory that was made for a mount. A value that can be stored and used by a later process. */
export interface MountStub {
  /** Relative to the root, without symlinks. */
  readonly path: ByteString;
  readonly kind: 'dir' | 'file';
  /** Its inode number in decimal: what stands there later is removed only if it is still this one. */
  readonly ino: string;
}

/**
 * Where the mounts of `spec` need a place in the root file system. Those below another mount are left out: their
 * place is in that mount. Looks at the sources of bind mounts on this machine.
 */
export function mountTargets(spec: RuntimeSpec): MountTarget[] {
  const destinations = spec.mounts.map((mount) => mount.destination);
  const isNested = (path: string): boolean => destinations.some((other) => path.startsWith(`${other}/`));
  return spec.mounts
    .filter((mount) => !isNested(mount.destination))
    .map((mount) => ({
      path: mount.destination,
      kind: mount.type === 'bind' ? kindOf(mount.source) : 'dir',
      ...modeOf(mount),
    }));
}

/**
 * Makes the mount places that `tree` does not have, so that the runtime itself makes none; symlinks on the way are
 * followed inside the tree. The directories that get a new entry keep their times. On failure nothing is left.
 *
 * After the container has ended and its mounts are gone, `removeStubs` takes the places away again.
 */
export function prepareMountpoints(tree: Tree, targets: readonly MountTarget[]): MountStub[] {
  const stubs: MountStub[] = [];
  try {
    for (const target of targets) {
      for (const missing of missingPlaces(tree, target)) stubs.push(makeStub(tree, missing));
    }
  } catch (error) {
    removeStubs(tree, stubs);
    throw error;
  }
  return stubs;
}

/**
 * Removes each stub that is still the one that was made and still empty; what a container put there stays, and so does
 * what it put in a stub's place. The directories that lose an entry keep the times that they have now. Gives the stubs
 * that stayed.
 */
export function removeStubs(tree: Tree, stubs: readonly MountStub[]): MountStub[] {
  return stubs.toReversed().filter((stub) => {
    if (!isUntouched(tree, stub)) return tree.stat(stub.path) !== undefined;
    keepingTimes(tree, parentOf(stub.path), () => tree.remove(stub.path));
    return false;
  });
}

type Place = Pick<MountStub, 'path' | 'kind'> & Pick<MountTarget, 'mode'>;

/** The names on the way to `target` that are not there, outermost first. */
function missingPlaces(tree: Tree, target: MountTarget): Place[] {
  const parts = tree.resolve(bytesOf(target.path)).split('/');
  const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/') as ByteString);
  const { kind, mode = 0o755 } = target;
  return prefixes
    .map((path, index): Place => (index < parts.length - 1 ? { path, kind: 'dir' } : { path, kind, mode }))
    .filter((place) => place.path !== '' && tree.stat(place.path) === undefined);
}

function makeStub(tree: Tree, { path, kind, mode = 0o755 }: Place): MountStub {
  keepingTimes(tree, parentOf(path), () => {
    if (kind === 'dir') {
      tree.mkdir(path, mode);
      return tree.setMode(path, mode);
    }
    closeSync(tree.createFile(path));
    tree.setMode(path, 0o644);
  });
  return { path, kind, ino: String(tree.stat(path)?.ino) };
}

function isUntouched(tree: Tree, { path, kind, ino }: MountStub): boolean {
  const found = tree.stat(path);
  if (found === undefined || found.type !== kind || String(found.ino) !== ino || found.mountRoot) return false;
  return kind === 'file' ? found.size === 0 : tree.list(path).length === 0;
}

function keepingTimes(tree: Tree, directory: ByteString, change: () => void): void {
  const before = tree.stat(directory)?.mtime;
  change();
  if (before !== undefined) setTimes(tree, directory, before);
}

function setTimes(tree: Tree, directory: ByteString, mtime: Timestamp): void {
  if (directory === '') setRootTimes(tree, mtime);
  else tree.setTimes(directory, mtime);
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0)) as ByteString;
}

function modeOf({ type, options }: MountSpec): Pick<MountTarget, 'mode'> {
  const option = type === 'tmpfs' ? options.find((each) => each.startsWith('mode=')) : undefined;
  return option === undefined ? {} : { mode: Number.parseInt(option.slice('mode='.length), 8) };
}

function kindOf(source: string): 'dir' | 'file' {
  return statSync(source).isDirectory() ? 'dir' : 'file';
}
