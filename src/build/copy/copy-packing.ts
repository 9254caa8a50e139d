import { Fault } from '../../errors/index.ts';
import type { LayerPacker, OpenTree } from '../../layer/index.ts';
import type { DiffId } from '../../oci/index.ts';
import { bytesOf, showBytes, type ByteString } from '../../std/index.ts';
import { TarParser } from '../../tar/index.ts';
import { ArchiveSource } from './archive-source.ts';
import { ArchiveUnpacking } from './archive-unpacking.ts';
import type { BuildPorts } from '../build-ports.ts';
import { newDirectoryMode, parseChmod } from './chmod.ts';
import { layOut } from './copy-layout.ts';
import { CopyOverlaps } from './copy-overlaps.ts';
import type { CopyPlan } from './copy-plan.ts';
import { scanCopy, type CopyFindings } from './copy-scan.ts';
import { copiedRoot, type CopyRoot, type PlacedRoot } from './copy-sources.ts';
import { CopyTarget, type EntryWriter } from './copy-target.ts';
import { LayerLedger, type Repetition } from './layer-ledger.ts';
import type { Pace } from '../pace.ts';
import type { SourceNode } from '../source/source-tree.ts';
import { ownerInTree } from './tree-user.ts';
import { parentOf, TreeWriter, type Owner } from './tree-writer.ts';

export interface CopyPackingOptions {
  readonly ports: Pick<BuildPorts, 'layers' | 'packer' | 'searchPath'>;
  readonly plan: CopyPlan;
  /** In the order of the instruction. */
  readonly roots: readonly CopyRoot[];
  /** What is copied to, lowest layer first. */
  readonly chain: readonly DiffId[];
  readonly pace: Pace;
  readonly signal: AbortSignal;
}

/** A layer that is packed and not committed. */
export interface PackedCopy {
  readonly packer: LayerPacker;
  /** What was found out in the same pass: of the very bytes that were packed. */
  readonly findings: CopyFindings;
}

/** Packs what a COPY or ADD brings. On failure nothing is left. */
export async function packCopy(options: CopyPackingOptions): Promise<PackedCopy> {
  const { ports, chain } = options;
  using below = ports.layers.tree(chain);
  const archives = await archivesAmong(options);
  const repeated = new Map<ByteString, Repetition>();
  for (let pass = 0; pass < mostPasses; pass += 1) {
    const packing = new CopyPacking({ ...options, below, archives, repeated });
    const packed = await packing.run();
    if (packing.repetitions.size === 0) return packed;
    packed.packer[Symbol.dispose]();
    for (const [path, repetition] of packing.repetitions) repeated.set(path, repetition);
  }
  throw new Fault('unsupported', `unpack: the names of the archives cannot be put in order`);
}

/** Names that occur twice are found in a first pass and put right in a second; a third is for names that this reveals. */
const mostPasses = 3;

type Archives = ReadonlyMap<number, ArchiveSource>;

/** Of the files that are to be unpacked, those that are archives, by their place in the instruction. */
async function archivesAmong({ plan, roots, signal, ports }: CopyPackingOptions): Promise<Archives> {
  const archives = new Map<number, ArchiveSource>();
  for (const [index, { tree, isDirectory, path, identity }] of roots.entries()) {
    const isWanted = identity === undefined ? plan.unpacks.paths : plan.unpacks.urls;
    const node = isWanted && !isDirectory ? tree.stat(path) : undefined;
    if (node?.type !== 'file') continue;
    const archive = new ArchiveSource(tree, node, { signal, searchPath: ports.searchPath });
    if (await archive.isArchive()) archives.set(index, archive);
  }
  return archives;
}

interface CopyPackingPass extends CopyPackingOptions {
  readonly below: OpenTree;
  readonly archives: Archives;
  readonly repeated: ReadonlyMap<ByteString, Repetition>;
}

class CopyPacking {
  readonly #options: CopyPackingPass;
  readonly #packer: LayerPacker;
  readonly #owner: Owner | undefined;
  readonly #ledger: LayerLedger | undefined;
  readonly #writer: EntryWriter;

  constructor(options: CopyPackingPass) {
    const { ports, plan, chain, below, archives, repeated } = options;
    this.#options = options;
    this.#owner = plan.chown === undefined ? undefined : ownerInTree(below, plan.chown);
    this.#packer = ports.packer(chain);
    const owner = this.#owner ?? root;
    const writer = new TreeWriter(this.#packer, below, owner);
    this.#ledger = archives.size === 0 ? undefined : new LayerLedger({ writer, below, owner, repeated });
    this.#writer = this.#ledger ?? writer;
  }

  get repetitions(): ReadonlyMap<ByteString, Repetition> {
    return this.#ledger?.repetitions ?? new Map();
  }

  async run(): Promise<PackedCopy> {
    try {
      return { packer: this.#packer, findings: await this.#write() };
    } catch (error) {
      this.#packer[Symbol.dispose]();
      throw error;
    }
  }

  async #write(): Promise<CopyFindings> {
    const { plan, pace, roots: found, archives, below } = this.#options;
    const files = plan.inlineFiles.map(({ name, content }) => ({ name: bytesOf(name), content: Buffer.from(content) }));
    const things = [
      ...found.map(({ name, isDirectory }, index) => {
        const isArchive = archives.has(index);
        return { name, isDirectory: isDirectory || isArchive, isArchive };
      }),
      ...files.map(({ name }) => ({ name, isDirectory: false })),
    ];
    const { places, directory } = layOut(below, plan.destination, things);
    const placeOf = (index: number): ByteString => places[index] ?? bytesOf('');
    const roots = found.map((each, index) => ({
      root: each,
      index,
      place: placeOf(index),
      isArchive: archives.has(index),
    }));
    const target = this.#target(
      roots,
      files.map((file) => file.name),
    );
    target.makeDirectory(directory ?? parentOf(placeOf(0)), copiedRoot(plan, found));
    const findings = await scanCopy({ plan, roots, pace, target });
    if (findings === undefined) throw new Fault('internal', 'copy: reading had no limit and met one');
    for (const placed of roots.filter((each) => each.isArchive)) await this.#unpack(placed);
    for (const [index, file] of files.entries()) {
      this.#rank(found.length + index);
      target.inlineFile(placeOf(found.length + index), file.content);
    }
    return findings;
  }

  #target(roots: readonly PlacedRoot[], inlineNames: readonly ByteString[]): CopyTarget {
    const { plan, below, archives } = this.#options;
    // An archive keeps its modes, and the directories made for it have the common one.
    const chmod = archives.size < roots.length + inlineNames.length ? plan.chmod : undefined;
    return new CopyTarget({
      writer: this.#writer,
      below,
      owner: this.#owner,
      changeMode: chmod === undefined ? undefined : parseChmod(chmod),
      directoryMode: newDirectoryMode(chmod),
      overlaps: new CopyOverlaps(roots, inlineNames),
      onRoot: (index) => this.#rank(index),
    });
  }

  async #unpack({ root: { tree, path }, index, place }: PlacedRoot): Promise<void> {
    const { below, archives, pace } = this.#options;
    const ledger = this.#ledger;
    const archive = archives.get(index);
    if (ledger === undefined || archive === undefined) return;
    this.#rank(index);
    const before = tree.stat(path);
    const parser = new TarParser(new ArchiveUnpacking({ ledger, below, place, owner: this.#owner, archive: path }));
    try {
      for await (const chunk of archive.bytes()) {
        parser.write(chunk);
        if (pace.isDue(chunk.length)) await pace.rest();
      }
      parser.end();
    } catch (error) {
      if (!Fault.is(error, 'corrupt')) throw error;
      throw Fault.wrap(`unpack ${showBytes(path)}`, error);
    }
    if (!isSame(before, tree.stat(path))) throw changedMeanwhile(path);
  }

  #rank(index: number): void {
    if (this.#ledger !== undefined) this.#ledger.rank = index;
  }
}

function isSame(a: SourceNode | undefined, b: SourceNode | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const sameTime = a.mtime.sec === b.mtime.sec && a.mtime.nsec === b.mtime.nsec;
  return sameTime && a.identity === b.identity && a.size === b.size;
}

function changedMeanwhile(path: ByteString): Fault {
  return new Fault('conflict', `unpack ${showBytes(path)}: it changed while it was read`, {
    hint: 'build again when nothing writes to the context',
  });
}

const root: Owner = { uid: 0, gid: 0 };
