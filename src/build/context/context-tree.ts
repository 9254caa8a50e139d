import { basename, dirname, relative, resolve } from 'node:path';
import { createIgnoreMatcher, parseIgnore, type IgnoreMatcher, type IgnoreRules } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { Tree } from '../../host/index.ts';
import { bytesOf } from '../../std/index.ts';
import { ContextSource, type HashKeeping } from '../source/context-source.ts';
import { selectedTree } from '../source/selected-tree.ts';
import type { SourceTree } from '../source/source-tree.ts';

export interface ContextPlaces {
  /** The context's directory. */
  readonly dir: string;
  /** Path of a Dockerfile that may have an ignore file of its own, in the context or elsewhere. */
  readonly dockerfile?: string;
}

/** Opens the context, with the rules of its ignore file: the one that belongs to the Dockerfile, else the context's own. */
export function openContext(places: ContextPlaces): ContextTree {
  const tree = Tree.open(places.dir);
  try {
    return new ContextTree(tree, readRules(tree, places));
  } catch (error) {
    tree.close();
    throw error;
  }
}

/** The rules by which the context leaves files out. Fault `invalid` for a pattern that makes no sense. */
export function readIgnoreRules(places: ContextPlaces): IgnoreRules {
  using tree = Tree.open(places.dir);
  return readRules(tree, places).rules;
}

/** What can be copied from the machine that builds: a directory, without what its ignore file leaves out. */
export class ContextTree implements Disposable {
  readonly tree: Tree;
  readonly matcher: IgnoreMatcher;
  /** As messages call it: relative to the context where it is in it. */
  readonly ignoreFile: string;

  constructor(tree: Tree, { name, rules }: NamedRules) {
    this.tree = tree;
    this.matcher = createIgnoreMatcher(rules);
    this.ignoreFile = name;
  }

  /** The context as something to copy from; `hashes` knows the files that were read before. */
  source(hashes: HashKeeping): SourceTree {
    return selectedTree(new ContextSource(this.tree, hashes), { root: bytesOf(''), matchers: [this.matcher] });
  }

  [Symbol.dispose](): void {
    this.tree.close();
  }
}

interface NamedRules {
  readonly name: string;
  readonly rules: IgnoreRules;
}

function readRules(tree: Tree, { dir, dockerfile }: ContextPlaces): NamedRules {
  const own =
    dockerfile === undefined ? undefined : ownRules(tree, resolve(dir), `${resolve(dockerfile)}.dockerignore`);
  const { name, text } = own ?? readIgnore(tree, contextsOwn) ?? { name: contextsOwn, text: '' };
  const rules = parseIgnore(text);
  const [problem] = rules.diagnostics;
  if (problem === undefined) return { name, rules };
  throw new Fault('invalid', `read ${name}: ${problem.message} (line ${problem.span.start.line})`);
}

/** `<Dockerfile>.dockerignore` stands beside the Dockerfile, which need not be in the context. */
function ownRules(tree: Tree, dir: string, path: string): IgnoreFile | undefined {
  const inside = relative(dir, path);
  if (!inside.startsWith('../')) return readIgnore(tree, inside);
  using folder = Tree.open(dirname(path));
  const found = readIgnore(folder, basename(path));
  return found && { ...found, name: path };
}

interface IgnoreFile {
  readonly name: string;
  readonly text: Uint8Array;
}

/** A file that is there and cannot be read is a mistake: without its rules, more than was meant would be copied. */
function readIgnore(tree: Tree, name: string): IgnoreFile | undefined {
  const path = bytesOf(name);
  if (tree.stat(path) === undefined) return undefined;
  try {
    return { name, text: tree.readFile(path, { maxBytes: largestIgnoreFileBytes }) };
  } catch (error) {
    const { code, message } = Fault.wrap(`read the ignore file ${name}`, error);
    const isLink = tree.stat(path)?.type === 'symlink';
    throw new Fault(code, message, {
      hint: isLink
        ? 'it is a symlink that leads nowhere, or out of its folder: put the file itself there'
        : 'it has to be a text file of at most 16 MiB, or not to be there',
      cause: error,
    });
  }
}

const contextsOwn = '.dockerignore';
const largestIgnoreFileBytes = 16 << 20;
