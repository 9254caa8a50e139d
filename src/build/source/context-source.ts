import { closeSync, readSync } from 'node:fs';
import { Fault } from '../../errors/index.ts';
import { faulting, type Tree } from '../../host/index.ts';
import type { FileIdentity, StatCache } from '../../state/index.ts';
import { showBytes, type ByteString, type Clock } from '../../std/index.ts';
import { ContextDirectory } from './context-directory.ts';
import { ContextNode } from './context-node.ts';
import { sourcePieceBytes, type SourceTree, type SourceWalkOptions } from './source-tree.ts';
import { parentOf } from '../copy/tree-writer.ts';

/** Where hashes of files that were read are kept from build to build. */
export interface HashKeeping {
  readonly stats: StatCache;
  readonly transaction: <T>(body: () => T) => T;
  readonly clock: Clock;
}

/** A directory of this machine as something to copy from. Its owners mean nothing: all belongs to root. */
export class ContextSource implements SourceTree {
  readonly #tree: Tree;
  readonly #hashes: HashKeeping;
  /** Directories with something new, waiting to be stored together. */
  #pending: ContextDirectory[] = [];
  #pendingFiles = 0;

  constructor(tree: Tree, hashes: HashKeeping) {
    this.#tree = tree;
    this.#hashes = hashes;
  }

  stat(path: ByteString): ContextNode | undefined {
    const status = this.#tree.stat(path);
    if (status === undefined) return undefined;
    return new ContextNode({ path, status, tree: this.#tree }, this.#directory(parentOf(path)));
  }

  resolve(path: ByteString): ByteString {
    return this.#tree.resolve(path);
  }

  list(path: ByteString): readonly ByteString[] {
    return this.#tree.list(path);
  }

  *walk(path: ByteString, { enter }: SourceWalkOptions = {}): Generator<ContextNode, void, undefined> {
    const levels = [this.#directory(path)];
    let descend = true;
    for (const entry of this.#tree.walk(path, { enter: () => descend })) {
      while (levels.length > entry.depth + 1) this.#leave(levels.pop() as ContextDirectory);
      const node = new ContextNode(entry, levels[entry.depth] as ContextDirectory);
      yield node;
      if (entry.status.type !== 'dir') continue;
      descend = enter?.(node) ?? true;
      if (descend) levels.push(this.#directoryOf(entry.status));
    }
    for (const level of levels.toReversed()) this.#leave(level);
  }

  read(node: ContextNode): Iterable<Uint8Array> {
    if (node.size === 0) return [];
    return node.size > sourcePieceBytes ? this.#readPieces(node) : [this.#readWhole(node)];
  }

  #readWhole(node: ContextNode): Uint8Array {
    const fd = node.open();
    try {
      const wanted = node.size;
      if (readAhead(fd, { wanted, left: wanted }, node.path) !== wanted) throw changed(node.path);
      return pieceBuffer.subarray(0, wanted);
    } finally {
      closeSync(fd);
    }
  }

  *#readPieces(node: ContextNode): Generator<Uint8Array, void, undefined> {
    const fd = node.open();
    try {
      for (let left = node.size; left > 0;) {
        const wanted = Math.min(left, sourcePieceBytes);
        const got = readAhead(fd, { wanted, left }, node.path);
        if (got !== wanted) throw changed(node.path);
        yield pieceBuffer.subarray(0, wanted);
        left -= wanted;
      }
    } finally {
      closeSync(fd);
    }
  }

  knownHash(node: ContextNode): ByteString | undefined {
    return node.knownHash;
  }

  remember(node: ContextNode, hash: ByteString): void {
    if (node.xattrs.size > 0) return;
    node.directory.learn(node.place.status, hash);
    if (node.isAlone) this.#keepAlone(node);
  }

  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    this.#pendingFiles = 0;
    this.#hashes.transaction(() => {
      for (const directory of pending) directory.store();
    });
  }

  #leave(directory: ContextDirectory): void {
    if (directory.learned > 0) this.#keep(directory);
  }

  #keep(directory: ContextDirectory): void {
    this.#pending.push(directory);
    this.#pendingFiles += directory.fileCount;
    if (this.#pendingFiles >= filesAtOnce) this.flush();
  }

  /** Storing a directory forgets the files that nobody asked for: what is known of the others is asked for. */
  #keepAlone(node: ContextNode): void {
    if (node.size < worthKeepingBytes) return;
    for (const name of this.#tree.list(parentOf(node.path))) {
      const sibling = this.stat(joined(parentOf(node.path), name));
      if (sibling?.type === 'file' && sibling.path !== node.path) node.directory.hashOf(sibling.place.status);
    }
    this.#keep(node.directory);
  }

  #directory(path: ByteString): ContextDirectory {
    const status = this.#tree.stat(path, { follow: true });
    if (status === undefined) throw new Fault('not-found', `look into ${showBytes(path)}: it is no longer there`);
    return this.#directoryOf(status);
  }

  #directoryOf(status: FileIdentity): ContextDirectory {
    return new ContextDirectory(status, this.#hashes.stats, this.#hashes.clock.now());
  }
}

/** Reads the next `wanted` bytes; at the end of the file one more is asked for, which only a file that grew has. */
function readAhead(fd: number, { wanted, left }: { wanted: number; left: number }, path: ByteString): number {
  return faulting('read', path, () => {
    const most = wanted === left ? wanted + 1 : wanted;
    let length = 0;
    for (let got = -1; got !== 0 && length < wanted; length += got) {
      got = readSync(fd, pieceBuffer, length, most - length, null);
    }
    return length;
  });
}

function joined(folder: ByteString, name: string): ByteString {
  return (folder === '' ? name : `${folder}/${name}`) as ByteString;
}

function changed(path: ByteString): Fault {
  return new Fault('conflict', `copy ${showBytes(path)}: its length changed while it was read`, {
    hint: 'build again when nothing writes to the context',
  });
}

/** One for all readers: a piece is used up before anything else runs. */
const pieceBuffer = Buffer.allocUnsafeSlow(sourcePieceBytes + 1);
const filesAtOnce = 10_000;
const worthKeepingBytes = 1 << 20;
