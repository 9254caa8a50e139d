import { dirname, relative, resolve } from 'node:path';
import { createIgnoreMatcher, parseIgnore, type IgnoreMatcher, type IgnoreRules } from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import { Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import { ContextSource, type HashKeeping } from './context-source.ts';
import type { SourceTree } from './source-tree.ts';

export interface ContextOptions {
  /** The context's directory. */
  readonly dir: string;
  /** Path of the Dockerfile, in the context or elsewhere. */
  readonly dockerfile: string;
}

/** Opens the context, with the rules of its ignore file: the one that belongs to the Dockerfile, else the context's own. */
export function openContext({ dir, dockerfile }: ContextOptions): ContextTree {
  const tree = Tree.open(dir);
  try {
    return new ContextTree(tree, createIgnoreMatcher(readRules(tree, { dir, dockerfile })));
  } catch (error) {
    tree.close();
    throw error;
  }
}

/** The rules by which the context leaves files out. Fault `invalid` for a pattern that makes no sense. */
export function readIgnoreRules(options: ContextOptions): IgnoreRules {
  using tree = Tree.open(options.dir);
  return readRules(tree, options);
}

/** What can be copied from the machine that builds: a directory, without what its ignore file leaves out. */
export class ContextTree implements Disposable {
  readonly #tree: Tree;
  readonly #matcher: IgnoreMatcher;

  constructor(tree: Tree, matcher: IgnoreMatcher) {
    this.#tree = tree;
    this.#matcher = matcher;
  }

  /** The context as something to copy from; `hashes` knows the files that were read before. */
  source(hashes: HashKeeping): SourceTree {
    return new ContextSource(this.#tree, this.#matcher, hashes);
  }

  [Symbol.dispose](): void {
    this.#tree.close();
  }
}

function readRules(tree: Tree, { dir, dockerfile }: ContextOptions): IgnoreRules {
  const found = ownRules(tree, dir, dockerfile) ?? readIgnore(tree, '.dockerignore');
  const rules = parseIgnore(found?.text ?? '');
  const [problem] = rules.diagnostics;
  if (problem === undefined) return rules;
  throw new Fault('invalid', `read ${found?.name}: ${problem.message} (line ${problem.span.start.line})`);
}

/** `<Dockerfile>.dockerignore` stands beside the Dockerfile, which need not be in the context. */
function ownRules(tree: Tree, dir: string, dockerfile: string): IgnoreFile | undefined {
  const name = `${dockerfile}.dockerignore`;
  const inside = relative(resolve(dir), resolve(name));
  if (!inside.startsWith('../')) return readIgnore(tree, inside);
  using folder = Tree.open(dirname(resolve(name)));
  return readIgnore(folder, relative(dirname(resolve(name)), resolve(name)));
}

interface IgnoreFile {
  readonly name: string;
  readonly text: Uint8Array;
}

function readIgnore(tree: Tree, name: string): IgnoreFile | undefined {
  const path = bytesOf(name);
  if (tree.stat(path, { follow: true }) === undefined) return undefined;
  return { name, text: tree.readFile(path, { maxBytes: largestIgnoreFileBytes }) };
}

const largestIgnoreFileBytes = 16 << 20;
