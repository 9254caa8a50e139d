import { Fault } from '../errors/index.ts';
import type { LayerPacker, OpenTree, PackedLayer } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import type { Outcome, StepContext, StepRecord, Vertex } from '../solver/index.ts';
import { bytesOf } from '../std/index.ts';
import { parseChmod } from './chmod.ts';
import type { ContextTree } from './context-tree.ts';
import { layOut } from './copy-layout.ts';
import { CopyOverlaps } from './copy-overlaps.ts';
import type { CopyPlan } from './copy-plan.ts';
import { scanCopy, type CopyFindings, type ReadBudget } from './copy-scan.ts';
import { findSources, type CopyRoot } from './copy-sources.ts';
import { CopyTarget } from './copy-target.ts';
import { instructionFault } from './instruction-fault.ts';
import { LayerSourceTree } from './layer-source-tree.ts';
import { Pace } from './pace.ts';
import type { SourceTree } from './source-tree.ts';
import type { StepBasics } from './step-basics.ts';
import type { StepResult } from './step-result.ts';
import { userInTree } from './tree-user.ts';
import { parentOf, TreeWriter, type Owner } from './tree-writer.ts';

export interface CopyStepOptions extends StepBasics {
  readonly plan: CopyPlan;
  /** A stage or an image, or what opens the context. */
  readonly from: Vertex<StepResult> | (() => ContextTree);
  readonly onWarning?: (vertex: Vertex<StepResult>, message: string) => void;
}

/** A step that may have packed its layer while it was found out what it depends on. */
export interface CopyVertex extends Vertex<StepResult>, Disposable {
  /** Removes what was packed and is not needed, since the step was reused. It can be run all the same. */
  [Symbol.dispose](): void;
}

/**
 * A COPY or ADD: a layer whose tar is written straight from the sources, with no mount and no container.
 *
 * What it depends on is found out first, from the stat cache where that knows the files. Where too much would have to be
 * read for that alone, the layer is packed in the same pass, and dropped if the step turns out to be known: dispose of
 * the vertex once it is, or the solve is over.
 */
export function copyStep(options: CopyStepOptions): CopyVertex {
  const { instruction, base, from, slot, cache } = options;
  const copying = new Copying(options, (message) => options.onWarning?.(vertex, message));
  const vertex: CopyVertex = {
    label: instruction.original,
    slot,
    inputs: [base],
    ...(typeof from === 'function' ? {} : { sources: [from] }),
    record: (context) => copying.describe(context),
    cache,
    run: (context) => copying.run(context),
    [Symbol.dispose]: () => copying.drop(),
  };
  return vertex;
}

/** A layer that is packed and not committed. */
interface PackedAhead {
  readonly packer: LayerPacker;
  readonly findings: CopyFindings;
}

class Copying {
  readonly #options: CopyStepOptions;
  readonly #warn: (message: string) => void;
  #ahead: PackedAhead | undefined;
  #described: StepRecord | undefined;

  constructor(options: CopyStepOptions, warn: (message: string) => void) {
    this.#options = options;
    this.#warn = warn;
  }

  describe(context: StepContext<StepResult>): Promise<StepRecord> {
    return this.#locating(async () => {
      const isCheap = this.#options.cache === 'use';
      const findings = (isCheap ? await this.#find(context) : undefined) ?? (await this.#packAhead(context));
      this.#described = findings.record;
      return findings.record;
    });
  }

  run(context: StepContext<StepResult>): Promise<Outcome<StepResult>> {
    return this.#locating(async () => {
      const { packer, findings } = this.#ahead ?? (await this.#pack(context));
      this.#ahead = undefined;
      using _ = packer;
      if (findings.record.digest !== this.#described?.digest) throw changedMeanwhile();
      if (findings.skippedSockets > 0) this.#warn(`${findings.skippedSockets} sockets were left out of the layer`);
      const layer: PackedLayer = packer.commit();
      const chain = [...chainBelow(context), layer.diffId];
      return { result: { chain, createdMs: this.#options.ports.clock.now() }, contentId: layer.contentId };
    });
  }

  drop(): void {
    this.#ahead?.packer[Symbol.dispose]();
    this.#ahead = undefined;
  }

  /** Reads what is not known, up to a point; undefined where that is not enough. */
  #find(context: StepContext<StepResult>): Promise<CopyFindings | undefined> {
    return this.#withSources(context, async (tree) => {
      const roots = this.#roots(tree).map((root, index) => ({ root, index, place: root.path }));
      // What a stage holds was made by steps before: most likely this one is known, and a layer would be for nothing.
      const budget = typeof this.#options.from === 'function' ? { budget: affordable } : {};
      return scanCopy({ tree, plan: this.#options.plan, roots, pace: this.#pace(context), ...budget });
    });
  }

  async #packAhead(context: StepContext<StepResult>): Promise<CopyFindings> {
    this.drop();
    this.#ahead = await this.#pack(context);
    return this.#ahead.findings;
  }

  async #pack(context: StepContext<StepResult>): Promise<PackedAhead> {
    const { layers, holder } = this.#options.ports;
    const chain = chainBelow(context);
    const packer = layers.packer({ holder, below: chain });
    try {
      using below = layers.tree(chain);
      const findings = await this.#withSources(context, (tree) => this.#write(context, { tree, below, packer }));
      return { packer, findings };
    } catch (error) {
      packer[Symbol.dispose]();
      throw error;
    }
  }

  async #write(context: StepContext<StepResult>, { tree, below, packer }: Writing): Promise<CopyFindings> {
    const { plan } = this.#options;
    const inlineFiles = plan.inlineFiles.map(({ name, content }) => ({
      name: bytesOf(name),
      isDirectory: false,
      content: Buffer.from(content),
    }));
    const found = this.#roots(tree);
    const { places, directory } = layOut(below, plan.destination, [...found, ...inlineFiles]);
    const roots = found.map((root, index) => ({ root, index, place: places[index] ?? noPath }));
    const owner = plan.chown === undefined ? undefined : ownerOf(below, plan.chown);
    const writer = new TreeWriter(packer, below, owner ?? { uid: 0, gid: 0 });
    const overlaps = new CopyOverlaps(
      tree,
      found,
      inlineFiles.map((file) => file.name),
    );
    const changeMode = plan.chmod === undefined ? undefined : parseChmod(plan.chmod);
    const target = new CopyTarget({ writer, below, owner, changeMode, overlaps });
    target.makeDirectory(directory ?? parentOf(places[0] ?? noPath));
    const findings = await scanCopy({ tree, plan, roots, pace: this.#pace(context), target });
    for (const [index, file] of inlineFiles.entries()) {
      target.inlineFile(places[found.length + index] ?? noPath, file.content);
    }
    if (findings === undefined) throw new Fault('internal', 'copy: reading had no limit and met one');
    return findings;
  }

  #roots(tree: SourceTree): readonly CopyRoot[] {
    const { sources, inlineFiles } = this.#options.plan;
    const roots = findSources(tree, sources);
    if (roots.length > 0 || inlineFiles.length > 0) return roots;
    throw new Fault('not-found', 'no source files were specified: no pattern matches anything');
  }

  async #withSources<T>(context: StepContext<StepResult>, use: (tree: SourceTree) => Promise<T>): Promise<T> {
    const { from, ports } = this.#options;
    if (typeof from === 'function') return use(from().source(ports));
    using tree = ports.layers.tree(context.sources[0]?.chain ?? []);
    return await use(new LayerSourceTree(tree));
  }

  #pace({ signal }: StepContext<StepResult>): Pace {
    return new Pace(signal, this.#options.instruction.original);
  }

  /** Shows the instruction that failed. */
  async #locating<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (!Fault.is(error) || error.code === 'cancelled') throw error;
      const { source, instruction } = this.#options;
      const { code, message, hint } = error;
      const hinted = hint === undefined ? {} : { hint };
      throw instructionFault(source, instruction, { code, message, cause: error, ...hinted });
    }
  }
}

interface Writing {
  readonly tree: SourceTree;
  readonly below: OpenTree;
  readonly packer: LayerPacker;
}

function chainBelow({ inputs }: StepContext<StepResult>): readonly DiffId[] {
  return inputs[0]?.chain ?? [];
}

/** A number without a group stands for both, and root is root also where there is no user database. */
function ownerOf(below: OpenTree, chown: string): Owner {
  if (/^\d+$/.test(chown)) return userInTree(below, `${chown}:${chown}`);
  if (chown === 'root' && below.lookup(bytesOf('etc/passwd')) === undefined) return { uid: 0, gid: 0 };
  return userInTree(below, chown);
}

function changedMeanwhile(): Fault {
  return new Fault('conflict', 'the context changed while it was copied', {
    hint: 'build again when nothing writes to it',
  });
}

const noPath = bytesOf('');
const affordable: ReadBudget = { files: 1000, bytes: 32 << 20 };
