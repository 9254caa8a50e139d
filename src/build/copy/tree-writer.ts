import { Fault } from '../../errors/index.ts';
import type { ContentSha256, LayerPacker, OpenTree, TreeNode } from '../../layer/index.ts';
import { bytesOf, showBytes, type ByteString, type Timestamp } from '../../std/index.ts';
import type { TarEntry } from '../../tar/index.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Of an entry, all but its name and place. */
export type EntryFacts = Omit<TarEntry, 'path'>;

/**
 * Writes a layer that adds to the tree below: each entry after the directories that lead to it, which keep what they
 * have below, or are made where they are missing. Paths are relative to the root and free of symlinks.
 *
 * Directories that are made here have mode 0755 and the time 0: the same step always makes the same layer.
 */
export class TreeWriter {
  readonly #packer: LayerPacker;
  readonly #below: OpenTree;
  readonly #owner: Owner;
  /** Directories that stand in the layer, or that need not. */
  readonly #written = new Set<string>(['']);

  /** `owner`: whom directories that have to be made belong to. */
  constructor(packer: LayerPacker, below: OpenTree, owner: Owner) {
    this.#packer = packer;
    this.#below = below;
    this.#owner = owner;
  }

  /** Makes sure that the directory is there, and in the layer, with all that leads to it. */
  directory(path: ByteString): void {
    if (this.#written.has(path)) return;
    this.directory(parentOf(path));
    const found = this.#below.lookup(path);
    if (found !== undefined && found.type !== 'dir') {
      throw new Fault('invalid', `make directory /${showBytes(path)}: a ${found.type} is there`);
    }
    this.#packer.add({ path, ...(found === undefined ? newDirectory(this.#owner) : factsOf(found)) });
    this.#written.add(path);
  }

  /** Adds an entry; the content of a file follows through `write`. */
  add(path: ByteString, facts: EntryFacts, contentSha256?: ContentSha256): void {
    this.directory(parentOf(path));
    // Field by field: V8 makes a spread by a call for each of them.
    const { type, mode, uid, gid, size, mtime, link, devMajor, devMinor, xattrs } = facts;
    const entry = { path, type, mode, uid, gid, size, mtime, link, devMajor, devMinor, xattrs };
    this.#packer.add(entry, contentSha256);
    if (facts.type === 'dir') this.#written.add(path);
  }

  write(chunk: Uint8Array): void {
    this.#packer.write(chunk);
  }
}

export function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0)) as ByteString;
}

/** What the layer below says of a directory, as an entry of a layer above. */
function factsOf(node: TreeNode): EntryFacts {
  const { mode, uid, gid, mtime, xattrs } = node;
  return { ...newDirectory({ uid, gid }), mode, mtime, xattrs };
}

function newDirectory({ uid, gid }: Owner): EntryFacts {
  const link = bytesOf('');
  return {
    type: 'dir',
    mode: 0o755,
    uid,
    gid,
    size: 0,
    mtime: epoch,
    link,
    devMajor: 0,
    devMinor: 0,
    xattrs: noXattrs,
  };
}

export const epoch: Timestamp = { sec: 0, nsec: 0 };
export const noXattrs: ReadonlyMap<ByteString, ByteString> = new Map();
