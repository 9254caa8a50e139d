import { closeSync, openSync, readSync } from 'node:fs';
import { Fault } from '../../errors/index.ts';
import { faulting, Tree } from '../../host/index.ts';
import { hexOf } from '../../oci/index.ts';
import type { GitCheckout, RemoteFile } from '../../source/index.ts';
import type { StatCache } from '../../state/index.ts';
import { bytesFrom, bytesOf, showBytes, type ByteString } from '../../std/index.ts';
import { ContextSource } from './context-source.ts';
import { sourcePieceBytes, type SourceNode, type SourceTree } from './source-tree.ts';

/** A git tree as something to copy from, as long as the checkout lives. Dispose of it before that. */
export class GitSourceTree extends ContextSource implements Disposable {
  readonly #tree: Tree;

  constructor({ root }: Pick<GitCheckout, 'root'>) {
    const tree = Tree.open(root);
    super(tree, { stats: nothingRemembered, transaction: (body) => body(), clock: Date });
    this.#tree = tree;
  }

  [Symbol.dispose](): void {
    this.#tree.close();
  }
}

/** The folder is gone after the build: what is known of its files is of no use to another. */
const nothingRemembered: StatCache = {
  directory: () => ({ fileCount: 0, hashOf: () => undefined, put: () => undefined }),
  forgetBefore: () => undefined,
};

/**
 * A download as something to copy from: a tree with one file, of mode 0600, with the time that the server said or that of
 * 1970. `name` is what the file is called there.
 */
export class FileSourceTree implements SourceTree {
  readonly #file: RemoteFile;
  readonly #root: SourceNode;
  readonly #node: SourceNode;

  constructor(file: RemoteFile, name: string) {
    const path = bytesOf(name);
    const mtime = file.mtime ?? { sec: 0, nsec: 0 };
    const common = { uid: 0, gid: 0, mtime, rdevMajor: 0, rdevMinor: 0, nlink: 1, link: bytesOf(''), xattrs: noXattrs };
    this.#file = file;
    this.#root = { ...common, path: bytesOf(''), type: 'dir', mode: 0o755, size: 0, identity: 'root' };
    this.#node = { ...common, path, type: 'file', mode: 0o600, size: file.sizeBytes, identity: file.digest };
  }

  stat(path: ByteString): SourceNode | undefined {
    if (path === '') return this.#root;
    return path === this.#node.path ? this.#node : undefined;
  }

  resolve(path: ByteString): ByteString {
    return path;
  }

  list(path: ByteString): readonly ByteString[] {
    if (path === '') return [this.#node.path];
    const what = path === this.#node.path ? 'it is no directory' : 'it is not there';
    throw new Fault('not-found', `list ${showBytes(path)}: ${what}`);
  }

  walk(path: ByteString): Iterable<SourceNode> {
    return this.list(path).map(() => this.#node);
  }

  *read({ size }: SourceNode): Generator<Uint8Array, void, undefined> {
    const { path } = this.#file;
    const fd = faulting('open', bytesOf(path), () => openSync(path, 'r'));
    try {
      const piece = Buffer.allocUnsafe(Math.min(size, sourcePieceBytes));
      for (let at = 0; at < size;) {
        const got = readPiece(fd, piece, { at, size });
        if (got === 0) throw new Fault('conflict', `read ${path}: it became shorter`);
        at += got;
        yield piece.subarray(0, got);
      }
    } finally {
      closeSync(fd);
    }
  }

  /** The digest of a download is that of its content. */
  knownHash(node: SourceNode): ByteString | undefined {
    const { digest } = this.#file;
    if (node !== this.#node || !digest.startsWith('sha256:')) return undefined;
    return bytesFrom(Buffer.from(hexOf(digest), 'hex'));
  }

  remember(): void {}

  flush(): void {}
}

const noXattrs: ReadonlyMap<ByteString, ByteString> = new Map();

/** As much as there is room for: a small file comes in one piece. */
function readPiece(fd: number, piece: Buffer, { at, size }: { readonly at: number; readonly size: number }): number {
  const wanted = Math.min(piece.length, size - at);
  let length = 0;
  for (let got = -1; got !== 0 && length < wanted; length += got) {
    got = readSync(fd, piece, length, wanted - length, at + length);
  }
  return length;
}
