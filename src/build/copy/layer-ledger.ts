import { Fault } from '../../errors/index.ts';
import type { ContentSha256, OpenTree, TreeNodeType } from '../../layer/index.ts';
import { bytesOf, showBytes, type ByteString } from '../../std/index.ts';
import { epoch, noXattrs, parentOf, type EntryFacts, type Owner, type TreeWriter } from './tree-writer.ts';

/** Of a path that was brought more than once: which time counts, and with what. */
export interface Repetition {
  /** Counts from 1. */
  readonly winner: number;
  readonly times: number;
  readonly rank: number;
  readonly facts: EntryFacts;
}

export interface LayerLedgerOptions {
  readonly writer: TreeWriter;
  readonly below: OpenTree;
  /** Whom directories that have to be made belong to. */
  readonly owner: Owner;
  /** What the pass before found. */
  readonly repeated: ReadonlyMap<ByteString, Repetition>;
}

/**
 * Writes a layer of which it remembers all names: so that an archive's members find what came before them, and no name is
 * written twice. Of several entries with one name the last one of the highest rank counts, which is known only at the
 * end: where there are `repetitions` that were not given at the start, the layer is not good, and has to be written once
 * more by a ledger that is given them.
 */
export class LayerLedger {
  readonly #options: LayerLedgerOptions;
  /** By path: type and rank, of a symlink also its target. */
  readonly #entries = new Map<ByteString, Noted>();
  /** Entries through which nothing below is seen: files, and directories that were none below. */
  readonly #hiding = new Set<ByteString>();
  readonly #times = new Map<ByteString, number>();
  readonly #repetitions = new Map<ByteString, Repetition>();
  readonly #notes = new Map<string, Noted>();
  #rank = 0;
  #isWriting = false;

  constructor(options: LayerLedgerOptions) {
    this.#options = options;
  }

  /** Names that were brought more than once and were not known to be. */
  get repetitions(): ReadonlyMap<ByteString, Repetition> {
    return this.#repetitions;
  }

  /** Whose entries come now: which of the instruction's sources. */
  set rank(rank: number) {
    this.#rank = rank;
  }

  /** What is at `path`, whose parents are free of symlinks: in this layer, or else below. */
  lookup(path: ByteString): Pick<Noted, 'type' | 'link'> | undefined {
    return this.#entries.get(path) ?? (this.isHidden(path) ? undefined : this.#options.below.lookup(path));
  }

  /** True if the layer has it. */
  has(path: ByteString): boolean {
    return this.#entries.has(path);
  }

  /** True for a name that the layer does not have yet, because a later entry with it counts. */
  awaits(path: ByteString): boolean {
    return this.#options.repeated.has(path) && !this.#entries.has(path);
  }

  /** True if what is below at this path is not seen through the layer. */
  isHidden(path: ByteString): boolean {
    for (let each = parentOf(path); each !== ''; each = parentOf(each)) if (this.#hiding.has(each)) return true;
    return false;
  }

  directory(path: ByteString): void {
    if (path === '' || this.#entries.has(path)) return;
    this.directory(parentOf(path));
    const { below, writer, owner } = this.#options;
    const found = this.isHidden(path) ? undefined : below.lookup(path);
    if (found?.type === 'dir' && !this.#options.repeated.has(path)) {
      writer.directory(path);
      this.#note(path, 'dir', none);
    } else this.add(path, { ...newDirectory, ...owner });
  }

  /** Adds an entry; false where another one counts. The content of a file follows through `write` in any case. */
  add(path: ByteString, facts: EntryFacts, contentSha256?: ContentSha256): boolean {
    const counting = this.#counting(path, facts);
    this.#isWriting = counting !== undefined;
    if (counting === undefined) return false;
    this.directory(parentOf(path));
    this.#isWriting = true;
    this.#options.writer.add(path, counting, contentSha256);
    if (counting.type !== 'dir' || this.#options.below.lookup(path)?.type !== 'dir') this.#hiding.add(path);
    this.#note(path, counting.type, counting.type === 'symlink' ? counting.link : none);
    return true;
  }

  write(chunk: Uint8Array): void {
    if (this.#isWriting) this.#options.writer.write(chunk);
  }

  /** What is to be written for this entry; undefined for nothing. */
  #counting(path: ByteString, facts: EntryFacts): EntryFacts | undefined {
    const known = this.#options.repeated.get(path);
    if (known === undefined) {
      const earlier = this.#entries.get(path);
      if (earlier === undefined) return facts;
      this.#repeat(path, earlier, facts);
      return undefined;
    }
    const time = (this.#times.get(path) ?? 0) + 1;
    this.#times.set(path, time);
    // Of directories, which merge, the first makes room for what is in it, and is what the last one says.
    if (known.facts.type === 'dir') return time === 1 ? known.facts : undefined;
    return time === known.winner ? facts : undefined;
  }

  #repeat(path: ByteString, earlier: Noted, facts: EntryFacts): void {
    if ((earlier.type === 'dir') !== (facts.type === 'dir')) {
      throw new Fault('unsupported', `unpack: /${showBytes(path)} is both a directory and a ${facts.type}`);
    }
    const known = this.#repetitions.get(path) ?? { winner: 1, times: 1, rank: earlier.rank, facts };
    const times = known.times + 1;
    const wins = this.#rank >= known.rank;
    this.#repetitions.set(path, wins ? { winner: times, times, rank: this.#rank, facts } : { ...known, times });
  }

  #note(path: ByteString, type: EntryFacts['type'], link: ByteString): void {
    const key = `${type} ${this.#rank}`;
    const known = link === '' ? this.#notes.get(key) : undefined;
    const note = known ?? { type: type === 'link' ? 'file' : type, rank: this.#rank, link };
    if (link === '') this.#notes.set(key, note);
    this.#entries.set(path, note);
  }
}

interface Noted {
  readonly type: TreeNodeType;
  readonly rank: number;
  readonly link: ByteString;
}

const none = bytesOf('');
const newDirectory = {
  type: 'dir',
  mode: 0o755,
  size: 0,
  mtime: epoch,
  link: none,
  devMajor: 0,
  devMinor: 0,
  xattrs: noXattrs,
} as const;
