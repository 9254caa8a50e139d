import type { OpenTree, TreeNode } from '../../layer/index.ts';
import type { ByteString } from '../../std/index.ts';
import type { SourceNode, SourceTree, SourceWalkOptions } from './source-tree.ts';
import { resolveInTree } from '../copy/tree-path.ts';

/** The tree of a stage or an image as something to copy from. It is open as long as `tree` is. */
export class LayerSourceTree implements SourceTree {
  readonly #tree: OpenTree;

  constructor(tree: OpenTree) {
    this.#tree = tree;
  }

  stat(path: ByteString): SourceNode | undefined {
    const node = path === '' ? this.#tree.root : this.#tree.lookup(path);
    return node === undefined ? undefined : located(node, path);
  }

  resolve(path: ByteString): ByteString {
    return resolveInTree(this.#tree, path);
  }

  list(path: ByteString): readonly ByteString[] {
    return this.#tree.list(path);
  }

  *walk(path: ByteString, { enter }: SourceWalkOptions = {}): Generator<SourceNode, void, undefined> {
    const levels = [this.#level(path)];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.names[level.next];
      level.next += 1;
      if (name === undefined) {
        levels.pop();
        continue;
      }
      const inside = `${level.prefix}${name}` as ByteString;
      const node = this.#tree.lookup(inside);
      if (node === undefined) continue;
      const found = located(node, inside);
      yield found;
      if (node.type === 'dir' && (enter?.(found) ?? true)) levels.push(this.#level(inside));
    }
  }

  read({ path }: SourceNode): Iterable<Uint8Array> {
    return this.#tree.read(path);
  }

  /** What a layer holds is read each time. */
  knownHash(): undefined {
    return undefined;
  }

  remember(): void {}

  flush(): void {}

  #level(path: ByteString): Level {
    return { prefix: path === '' ? '' : `${path}/`, names: this.#tree.list(path), next: 0 };
  }
}

interface Level {
  readonly prefix: string;
  readonly names: readonly ByteString[];
  next: number;
}

function located(node: TreeNode, path: ByteString): SourceNode {
  return { ...node, path };
}
