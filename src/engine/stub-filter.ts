import { join } from 'node:path';
import { Tree, xattrsOfFd } from '../host/index.ts';
import { LayerPacker, type LayerStore, type LayerWriter, type PackedLayer } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import type { MountStub } from '../runtime/index.ts';
import type { TreeChange } from '../snapshot/index.ts';
import { bytesOf, type ByteString } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import { isKeptAttribute } from '../snapshot/index.ts';

/**
 * Keeps the places that varve made for a running container's mounts out of what the container changed: the places
 * themselves, and the directories above them where nothing else happened to those.
 */
export class StubFilter {
  readonly #stubs: ReadonlySet<string>;
  readonly #parents: ReadonlySet<string>;
  readonly #isChanged: (directory: ByteString) => boolean;

  /** `isChanged` says whether a directory that was there before has another owner, mode or attributes now. */
  constructor(stubs: readonly MountStub[], isChanged: (directory: ByteString) => boolean) {
    this.#stubs = new Set(stubs.map(({ path }) => path));
    this.#parents = new Set(stubs.flatMap(({ path }) => parentsOf(path)));
    this.#isChanged = isChanged;
  }

  get isEmpty(): boolean {
    return this.#stubs.size === 0;
  }

  isStub(path: ByteString): boolean {
    return this.#stubs.has(path);
  }

  /** True of a directory that is worth naming only if something in it is, or if it is changed itself. */
  isOnTheWay(path: ByteString): boolean {
    return this.#parents.has(path);
  }

  standsForItself(path: ByteString): boolean {
    return !this.isStub(path) && (!this.isOnTheWay(path) || this.#isChanged(path));
  }

  /** `changes` are sorted by path. */
  changes(changes: readonly TreeChange[]): readonly TreeChange[] {
    if (this.isEmpty) return changes;
    const kept: TreeChange[] = [];
    const wanted = new Set<string>();
    for (const change of changes.toReversed()) {
      const path = change.path.slice(1) as ByteString;
      if (!wanted.has(path) && change.kind !== 'deleted' && !this.standsForItself(path)) continue;
      for (const parent of parentsOf(path)) wanted.add(parent);
      kept.push(change);
    }
    return kept.toReversed();
  }
}

/** A filter for what stands in the work folder of a container. */
export function stubFilterFor(
  stubs: readonly MountStub[],
  options: { readonly layers: LayerStore; readonly chain: readonly DiffId[]; readonly workDir: string },
): StubFilter {
  return new StubFilter(stubs, (path) => {
    using below = options.layers.tree(options.chain);
    using upper = Tree.open(join(options.workDir, 'upper'));
    const lower = below.lookup(path);
    const status = upper.stat(path);
    if (lower === undefined || status === undefined) return true;
    using directory = upper.openTree(path);
    const xattrs = [...xattrsOfFd(directory.fd, path)].filter(([name]) => isKeptAttribute(name));
    const sameXattrs =
      xattrs.length === lower.xattrs.size && xattrs.every(([name, value]) => lower.xattrs.get(name) === value);
    return lower.mode !== status.mode || lower.uid !== status.uid || lower.gid !== status.gid || !sameXattrs;
  });
}

/** Packs what a container changed without the stubs: a directory that leads to them waits until it is needed. */
export class StublessPacker extends LayerPacker {
  readonly #filter: StubFilter;
  /** Directories that have not been written, each inside the one before. */
  #waiting: readonly TarEntry[] = [];

  constructor(writer: LayerWriter, filter: StubFilter) {
    super(writer);
    this.#filter = filter;
  }

  override add(entry: TarEntry, contentSha256?: string): void {
    this.#settle(entry.path);
    const isStub = this.#filter.isStub(entry.path);
    if (isStub && entry.type === 'file' && entry.size === 0) return;
    const waits = entry.type === 'dir' && (isStub || this.#filter.isOnTheWay(entry.path));
    if (waits) this.#waiting = [...this.#waiting, entry];
    else this.#write(entry, contentSha256);
  }

  override commit(): PackedLayer {
    this.#settle(bytesOf(''));
    return super.commit();
  }

  /** Something comes that is not in the last of the waiting directories: they are done with. */
  #settle(next: ByteString): void {
    const left = this.#waiting.filter(({ path }) => !next.startsWith(`${path}/`));
    const changed = left.findLast(({ path }) => this.#filter.standsForItself(path));
    if (changed !== undefined) this.#writeWaiting(changed.path);
    this.#waiting = this.#waiting.filter(({ path }) => next.startsWith(`${path}/`));
  }

  #write(entry: TarEntry, contentSha256?: string): void {
    this.#writeWaiting(entry.path);
    super.add(entry, contentSha256);
  }

  #writeWaiting(path: ByteString): void {
    for (const directory of this.#waiting) {
      if (directory.path === path || path.startsWith(`${directory.path}/`)) super.add(directory);
    }
    this.#waiting = [];
  }
}

function parentsOf(path: string): readonly string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, position) => names.slice(0, position + 1).join('/'));
}
