import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { IgnoreMatcher, IgnorePattern, IgnoreScope, IgnoreVerdict } from '../../dockerfile/index.ts';
import type { FileType, WalkEntry } from '../../host/index.ts';
import type { ByteString } from '../../std/index.ts';
import { requireDirectory } from './build-context-directory.ts';
import { openContext, type ContextTree } from './context-tree.ts';
import { localDockerfile } from './find-dockerfile.ts';

/** A file or folder of a directory, in the build context or left out of it. */
export interface ContextEntry {
  readonly path: ByteString;
  readonly type: FileType;
  /** Of a file; 0 for all else. */
  readonly sizeBytes: number;
  readonly isIgnored: boolean;
  /** True of a folder that is left out with all that is in it, which is then not listed. */
  readonly isPruned: boolean;
  /** The line that decided it; undefined where none did. */
  readonly rule: IgnorePattern | undefined;
}

/** A directory as a build would see it. */
export interface ContextContents extends Disposable {
  /** The file whose rules hold. */
  readonly ignoreFile: string;
  /**
   * What is in the directory, in bytewise order, each folder before what is in it. A folder that a rule leaves out and a
   * later one takes something back from is in the context for that; where nothing is found to take back, it comes after
   * what is in it. Nothing is kept of what was given.
   */
  entries(): Iterable<ContextEntry>;
}

/** `file`: the Dockerfile, which may have an ignore file of its own; that of the directory unless given. */
export function openContextContents(dir: string, file: string | undefined): ContextContents {
  requireDirectory(dir);
  const own = ['Dockerfile', 'dockerfile'].map((name) => join(resolve(dir), name));
  const dockerfile = file === undefined ? own.find((path) => existsSync(path)) : localDockerfile(dir, file).identity;
  const context = openContext({ dir: resolve(dir), ...(dockerfile === undefined ? {} : { dockerfile }) });
  return {
    ignoreFile: context.ignoreFile,
    entries: () => entriesOf(context),
    [Symbol.dispose]: () => context[Symbol.dispose](),
  };
}

/** A folder that the walk is in. */
interface Level {
  readonly prefix: string;
  readonly scope: IgnoreScope;
  /** The folder itself, as long as nothing in it was found that is not left out. */
  held: ContextEntry | undefined;
}

function* entriesOf({ tree, matcher }: ContextTree): Generator<ContextEntry, void, undefined> {
  const root: Level = { prefix: '', scope: matcher.root(), held: undefined };
  const levels = [root];
  let descend = true;
  for (const found of tree.walk('' as ByteString, { enter: () => descend })) {
    yield* leave(levels, found.path);
    const { scope, verdict } = decide(found, matcher, levels.at(-1) ?? root);
    descend = scope !== undefined && matcher.mayContain(scope);
    const entry = entryOf(found, verdict, { isPruned: scope !== undefined && !descend });
    if (!entry.isIgnored) yield* release(levels);
    const isHeld = entry.isIgnored && descend;
    if (!isHeld) yield entry;
    if (descend && scope !== undefined) {
      levels.push({ prefix: `${found.path}/`, scope, held: isHeld ? entry : undefined });
    }
  }
  yield* leave(levels, undefined);
}

/** Leaves the folders that the path is not in. */
function* leave(levels: Level[], path: ByteString | undefined): Generator<ContextEntry, void, undefined> {
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (path?.startsWith(level.prefix) === true) return;
    levels.pop();
    if (level.held !== undefined) yield level.held;
  }
}

/** The folders that were held back are in the context, for the sake of what was found. */
function* release(levels: readonly Level[]): Generator<ContextEntry, void, undefined> {
  for (const level of levels) {
    if (level.held !== undefined) yield { ...level.held, isIgnored: false };
    level.held = undefined;
  }
}

interface Decision {
  readonly verdict: IgnoreVerdict;
  /** Of a folder: what its entries inherit. */
  readonly scope: IgnoreScope | undefined;
}

function decide({ path, status }: WalkEntry, matcher: IgnoreMatcher, { scope }: Level): Decision {
  if (status.type !== 'dir') return { verdict: matcher.test(path, scope), scope: undefined };
  const inner = matcher.enter(path, scope);
  return { verdict: inner.verdict, scope: inner };
}

function entryOf(
  { path, status }: WalkEntry,
  { ignored, pattern }: IgnoreVerdict,
  { isPruned }: { readonly isPruned: boolean },
): ContextEntry {
  const { type, size } = status;
  return { path, type, sizeBytes: type === 'file' ? size : 0, isIgnored: ignored, isPruned, rule: pattern };
}
