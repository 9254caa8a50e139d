import { closeSync, readSync } from 'node:fs';
import type { IgnoreMatcher, IgnoreScope } from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import { faulting, type Tree, type WalkEntry } from '../host/index.ts';
import type { FileIdentity, StatCache } from '../state/index.ts';
import { showBytes, type ByteString, type Clock } from '../std/index.ts';
import { ContextDirectory } from './context-directory.ts';
import { ContextNode } from './context-node.ts';
import { sourcePieceBytes, type SourceTree } from './source-tree.ts';
import { parentOf } from './tree-writer.ts';

/** Where hashes of files that were read are kept from build to build. */
export interface HashKeeping {
  readonly stats: StatCache;
  readonly transaction: <T>(body: () => T) => T;
  readonly clock: Clock;
}

/** The context as one step sees it. */
export class ContextSource implements SourceTree {
  readonly #tree: Tree;
  readonly #matcher: IgnoreMatcher;
  readonly #hashes: HashKeeping;
  /** Directories with something new, waiting to be stored together. */
  #pending: ContextDirectory[] = [];
  #pendingFiles = 0;

  constructor(tree: Tree, matcher: IgnoreMatcher, hashes: HashKeeping) {
    this.#tree = tree;
    this.#matcher = matcher;
    this.#hashes = hashes;
  }

  stat(path: ByteString): ContextNode | undefined {
    const status = this.#tree.stat(path);
    if (status === undefined || this.#isLeftOut(path, status.type === 'dir')) return undefined;
    return new ContextNode({ path, status, tree: this.#tree }, this.#directory(parentOf(path)));
  }

  resolve(path: ByteString): ByteString {
    return this.#tree.resolve(path);
  }

  list(path: ByteString): readonly ByteString[] {
    const names = this.#tree.list(path);
    if (this.#matcher.isEmpty) return names;
    const prefix = path === '' ? '' : `${path}/`;
    return names.filter((name) => this.stat(`${prefix}${name}` as ByteString) !== undefined);
  }

  /** Below an ignored directory a later rule may take something back: the directory is then there, too. */
  *walk(path: ByteString): Generator<ContextNode, void, undefined> {
    const levels: Level[] = [this.#enterLevel(path)];
    let descend = true;
    for (const entry of this.#tree.walk(path, { enter: () => descend })) {
      let level = levels[levels.length - 1] as Level;
      while (!entry.path.startsWith(level.prefix)) {
        this.#leave(level);
        levels.pop();
        level = levels[levels.length - 1] as Level;
      }
      const node = new ContextNode(entry, level.directory);
      const isDirectory = entry.status.type === 'dir';
      const { scope, ignored } = this.#decide(entry, level.scope);
      descend = isDirectory && (!ignored || this.#matcher.mayContain(scope));
      if (!ignored) {
        yield* held(levels);
        yield node;
      }
      if (!descend) continue;
      const directory = this.#directoryOf(entry.status);
      levels.push({ prefix: `${entry.path}/`, scope, directory, held: ignored ? node : undefined });
    }
    for (const level of levels.toReversed()) this.#leave(level);
  }

  *read(node: ContextNode): Generator<Uint8Array, void, undefined> {
    if (node.size === 0) return;
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
    return node.directory.hashOf(node.place.status);
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

  #enterLevel(path: ByteString): Level {
    const prefix = path === '' ? '' : `${path}/`;
    return { prefix, scope: this.#scopeOf(path), directory: this.#directory(path), held: undefined };
  }

  #leave({ directory }: Level): void {
    if (directory.learned > 0) this.#keep(directory);
  }

  #keep(directory: ContextDirectory): void {
    this.#pending.push(directory);
    this.#pendingFiles += directory.fileCount;
    if (this.#pendingFiles >= filesAtOnce) this.flush();
  }

  /** Storing a directory forgets its other files, so what is known of them is stored again. */
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

  #decide(entry: WalkEntry, scope: IgnoreScope): { readonly ignored: boolean; readonly scope: IgnoreScope } {
    if (this.#matcher.isEmpty) return { ignored: false, scope };
    if (entry.status.type !== 'dir') return { ignored: this.#matcher.test(entry.path, scope).ignored, scope };
    const inner = this.#matcher.enter(entry.path, scope);
    return { ignored: inner.verdict.ignored, scope: inner };
  }

  #scopeOf(path: ByteString): IgnoreScope {
    let scope = this.#matcher.root();
    if (this.#matcher.isEmpty) return scope;
    for (const name of path.split('/').filter((each) => each !== '')) {
      scope = this.#matcher.enter(joined(scope.path, name), scope);
    }
    return scope;
  }

  /** An ignored directory is there as long as something in it is. */
  #isLeftOut(path: ByteString, isDirectory: boolean): boolean {
    if (this.#matcher.isEmpty || path === '' || !this.#matcher.match(path).ignored) return false;
    if (!isDirectory || !this.#matcher.mayContain(this.#scopeOf(path))) return true;
    for (const _ of this.walk(path)) return false;
    return true;
  }
}

/** A directory that the walk is in. */
interface Level {
  readonly prefix: string;
  readonly scope: IgnoreScope;
  readonly directory: ContextDirectory;
  /** The directory itself, as long as it is not known whether it has something that is not ignored. */
  held: ContextNode | undefined;
}

/** The directories that were held back, outermost first. Their parents are still open. */
function* held(levels: readonly Level[]): Generator<ContextNode, void, undefined> {
  for (const level of levels) {
    if (level.held === undefined) continue;
    yield level.held;
    level.held = undefined;
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
