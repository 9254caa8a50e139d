import { createHash, hash } from 'node:crypto';
import { Fault } from '../../errors/index.ts';
import { compareNames, type StepRecord } from '../../solver/index.ts';
import { bytesFrom, showBytes, type ByteString } from '../../std/index.ts';
import type { CopyPlan } from './copy-plan.ts';
import { CopyRecord } from './copy-record.ts';
import type { PlacedRoot } from './copy-sources.ts';
import type { CopyTarget, PlacedEntry } from './copy-target.ts';
import type { Pace } from '../pace.ts';
import { sourcePieceBytes, type SourceNode, type SourceTree } from '../source/source-tree.ts';

export interface CopyScanOptions {
  readonly plan: CopyPlan;
  /** In the order of the instruction. */
  readonly roots: readonly PlacedRoot[];
  readonly pace: Pace;
  /** Where to write what is found; undefined to find out about it only. */
  readonly target?: CopyTarget;
  /** Files and bytes that may be read, without end by default. */
  readonly budget?: ReadBudget;
}

export interface ReadBudget {
  readonly files: number;
  readonly bytes: number;
}

/** What a scan found. */
export interface CopyFindings {
  readonly record: StepRecord;
  readonly skippedSockets: number;
}

/**
 * Goes through everything that is to be copied, once, and writes down what the step depends on; with a target, also the
 * layer's entries, so that the record speaks of the very bytes that were written. Without one, only files whose hash is
 * not known are read.
 *
 * What was fetched is known by its identity: nothing of it is looked at to find out about it.
 *
 * Undefined as soon as reading exceeds the budget. Fault `invalid` for what no layer can hold, `conflict` where a file
 * changed meanwhile, `cancelled`.
 */
export async function scanCopy(options: CopyScanOptions): Promise<CopyFindings | undefined> {
  const scan = new CopyScan(options);
  const sorted = options.roots.toSorted((a, b) => compareNames(a.root.path, b.root.path));
  const areApart = areNamesApart(sorted);
  for (const [order, from] of sorted.entries()) {
    if (!(await scan.root(from, areApart ? '' : `${String(order).padStart(8, '0')}:`))) return undefined;
  }
  return scan.finish();
}

class CopyScan {
  readonly #target: CopyTarget | undefined;
  readonly #pace: Pace;
  readonly #record: CopyRecord;
  /** By identity: the first name of a file that has several. */
  readonly #links = new Map<string, ByteString>();
  readonly #trees = new Set<SourceTree>();
  #filesLeft: number;
  #bytesLeft: number;
  #skippedSockets = 0;

  constructor({ plan, roots, pace, target, budget }: CopyScanOptions) {
    this.#target = target;
    this.#pace = pace;
    this.#record = new CopyRecord(
      plan,
      roots.map((each) => each.root),
    );
    this.#filesLeft = budget?.files ?? Infinity;
    this.#bytesLeft = budget?.bytes ?? Infinity;
  }

  /** False where reading exceeds the budget. `prefix`: tells names from those of other roots. */
  async root(from: PlacedRoot, prefix: string): Promise<boolean> {
    const { tree, identity } = from.root;
    if (identity !== undefined && this.#target === undefined) return true;
    this.#links.clear();
    this.#trees.add(tree);
    for (const node of nodesOf(tree, from)) {
      if (this.#pace.isDue(Math.min(node.size, sourcePieceBytes))) await this.#pace.rest();
      if (node.type === 'socket') {
        this.#skippedSockets += 1;
        continue;
      }
      refuseUnstorable(node);
      const linkOf = this.#firstName(node);
      const entry = this.#target?.place(node, from);
      let content = this.#start(node, { tree, linkOf, entry });
      if (content === 'unread') {
        if (!this.#canAfford(node)) return false;
        content =
          node.size > sourcePieceBytes
            ? await this.#readLarge(node, { tree, entry })
            : this.#readSmall(node, { tree, entry });
      }
      if (identity !== undefined) continue;
      const name = `${prefix}${node.path}` as ByteString;
      this.#record.file(name, node, { content: linkOf === undefined ? content : undefined, linkOf });
    }
    return true;
  }

  finish(): CopyFindings {
    for (const tree of this.#trees) tree.flush();
    return { record: this.#record.finish(), skippedSockets: this.#skippedSockets };
  }

  /** Writes an entry that has no content. Gives the hash of a file's content, or says that it has to be read. */
  #start(node: SourceNode, { tree, linkOf, entry }: StartedEntry): ByteString | 'unread' | undefined {
    const isWritten = entry?.facts.type === 'file';
    if (entry !== undefined && !isWritten) this.#target?.writer.add(entry.path, entry.facts);
    if (node.type !== 'file') return undefined;
    if (isWritten) return 'unread';
    return linkOf === undefined ? (tree.knownHash(node) ?? 'unread') : undefined;
  }

  #readSmall(node: SourceNode, { tree, entry }: Reading): ByteString {
    let digest = hashOfNothing;
    for (const piece of tree.read(node)) {
      digest = hash('sha256', piece, 'hex');
      if (entry !== undefined) this.#target?.writer.add(entry.path, entry.facts, digest);
      if (entry !== undefined) this.#target?.writer.write(piece);
    }
    if (entry !== undefined && node.size === 0) this.#target?.writer.add(entry.path, entry.facts, digest);
    return learned(node, tree, digest);
  }

  async #readLarge(node: SourceNode, { tree, entry }: Reading): Promise<ByteString> {
    const digest = createHash('sha256');
    let hex: string | undefined;
    const finished = (): string => (hex ??= digest.digest('hex'));
    if (entry !== undefined) this.#target?.writer.add(entry.path, entry.facts, finished);
    for (const piece of tree.read(node)) {
      digest.update(piece);
      if (entry !== undefined) this.#target?.writer.write(piece);
      if (this.#pace.isDue(piece.length)) await this.#pace.rest();
    }
    return learned(node, tree, finished());
  }

  #firstName(node: SourceNode): ByteString | undefined {
    if (node.nlink < 2 || node.type === 'dir') return undefined;
    const first = this.#links.get(node.identity);
    if (first === undefined) this.#links.set(node.identity, node.path);
    return first;
  }

  #canAfford(node: SourceNode): boolean {
    this.#filesLeft -= 1;
    this.#bytesLeft -= node.size;
    return this.#filesLeft >= 0 && this.#bytesLeft >= 0;
  }
}

interface Reading {
  readonly tree: SourceTree;
  readonly entry: PlacedEntry | undefined;
}

interface StartedEntry extends Reading {
  readonly linkOf: ByteString | undefined;
}

/**
 * True if names alone tell files apart and come in order: no root lies in another one, or every root is whole, so that
 * whatever lies in another one was met there.
 */
function areNamesApart(sorted: readonly PlacedRoot[]): boolean {
  const roots = sorted.map((each) => each.root).filter(({ identity }) => identity === undefined);
  if (new Set(roots.map(({ tree }) => tree)).size < 2) return true;
  return roots.every(({ path }, index) => {
    const before = roots[index - 1];
    return before === undefined || !(path === before.path || before.path === '' || path.startsWith(`${before.path}/`));
  });
}

function learned(node: SourceNode, tree: SourceTree, digest: string): ByteString {
  const bytes = bytesFrom(Buffer.from(digest, 'hex'));
  if (tree.knownHash(node) === undefined) tree.remember(node, bytes);
  return bytes;
}

function nodesOf(tree: SourceTree, { root }: PlacedRoot): Iterable<SourceNode> {
  if (root.isDirectory) return tree.walk(root.path);
  const node = tree.stat(root.path);
  if (node === undefined) throw new Fault('conflict', `copy ${showBytes(root.path)}: it disappeared`);
  return [node];
}

function refuseUnstorable({ path, type, rdevMajor, rdevMinor }: SourceNode): void {
  if (path.startsWith('.wh.', path.lastIndexOf('/') + 1)) {
    throw new Fault('invalid', `copy ${showBytes(path)}: names that begin with .wh. mean deletions in a layer`, {
      hint: 'rename the file, or leave it out with .dockerignore',
    });
  }
  if (type === 'char' && rdevMajor === 0 && rdevMinor === 0) {
    throw new Fault('invalid', `copy ${showBytes(path)}: a character device 0:0 means a deletion in a layer`, {
      hint: 'remove it, or leave it out with .dockerignore',
    });
  }
}

const hashOfNothing = hash('sha256', '', 'hex');
