import type { ByteString } from '../../std/index.ts';
import { cannotCopyToNonDirectory, cannotReplaceDirectory, inside } from './copy-layout.ts';
import type { PlacedRoot } from './copy-sources.ts';
import type { SourceNode } from '../source/source-tree.ts';

/**
 * Where several sources of one instruction bring the same path: the last one counts, and of directories, which merge,
 * its mode and owner. Nothing of what is copied is remembered for that: the other sources are asked, and only about
 * what begins with a name that more than one of them has.
 */
export class CopyOverlaps {
  readonly #roots: readonly PlacedRoot[];
  /** By first name: which roots have it, in the order of the instruction. */
  readonly #shared: ReadonlyMap<ByteString, readonly number[]>;

  /** `roots`: in the order of the instruction, all for one directory. `alsoThere`: names that come after all of them. */
  constructor(roots: readonly PlacedRoot[], alsoThere: readonly ByteString[] = []) {
    this.#roots = roots;
    const owners = new Map<ByteString, number[]>();
    const add = (name: ByteString, index: number): void => {
      const known = owners.get(name);
      if (known === undefined) owners.set(name, [index]);
      else known.push(index);
    };
    if (roots.length + alsoThere.length > 1) {
      for (const { root, index, isArchive } of roots) {
        if (isArchive === true) continue;
        for (const name of root.isDirectory ? root.tree.list(root.path) : [root.name]) add(name, index);
      }
      for (const name of alsoThere) add(name, roots.length);
    }
    this.#shared = new Map([...owners].filter(([, indexes]) => indexes.length > 1));
  }

  /**
   * The node whose mode and owner count for `path` (relative to the destination directory): `node` of the root `index`
   * itself or a later one; undefined where a later root brings something else in its place.
   */
  decide(path: ByteString, node: SourceNode, index: number): SourceNode | undefined {
    const rivals = this.#rivals(path);
    if (rivals === undefined) return node;
    const isOnTop = !path.includes('/');
    let winner: SourceNode | undefined = node;
    for (const rival of rivals) {
      if (rival === index) continue;
      const other = rival < this.#roots.length ? this.#nodeAt(rival, path) : isOnTop ? 'inline' : undefined;
      if (other === undefined) continue;
      const isDirectory = other !== 'inline' && other.type === 'dir';
      if (isDirectory !== (node.type === 'dir')) {
        throw rival > index ? mismatch(path, node, other) : mismatch(path, other, node);
      }
      if (rival > index) winner = isDirectory ? other : undefined;
    }
    return winner;
  }

  /** True if more than one root may bring `path`. */
  isShared(path: ByteString): boolean {
    return this.#rivals(path) !== undefined;
  }

  #rivals(path: ByteString): readonly number[] | undefined {
    if (this.#shared.size === 0) return undefined;
    const slash = path.indexOf('/');
    return this.#shared.get(slash < 0 ? path : (path.slice(0, slash) as ByteString));
  }

  #nodeAt(index: number, path: ByteString): SourceNode | undefined {
    const { root } = this.#roots[index] as PlacedRoot;
    if (root.isDirectory) return root.tree.stat(inside(root.path, path));
    return path === root.name ? root.tree.stat(root.path) : undefined;
  }
}

function mismatch(path: ByteString, earlier: SourceNode | 'inline', later: SourceNode | 'inline'): Error {
  const laterPath = later === 'inline' ? path : later.path;
  if (later !== 'inline' && later.type === 'dir') {
    return cannotCopyToNonDirectory(path, earlier === 'inline' ? 'file' : earlier.type, laterPath);
  }
  return cannotReplaceDirectory(path, later === 'inline' ? 'file' : later.type, laterPath);
}
