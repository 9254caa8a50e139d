import { Fault } from '../errors/index.ts';
import type { PackedLayer } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import type { Outcome, StepContext, StepRecord, Vertex } from '../solver/index.ts';
import { packCopy, type PackedCopy } from './copy-packing.ts';
import type { CopyPlan } from './copy-plan.ts';
import { scanCopy, type CopyFindings, type ReadBudget } from './copy-scan.ts';
import { findSources, type CopyRoot } from './copy-sources.ts';
import { instructionFault } from './instruction-fault.ts';
import { LayerSourceTree } from './layer-source-tree.ts';
import { Pace } from './pace.ts';
import type { OpenSource, SourceTree } from './source-tree.ts';
import type { StepBasics } from './step-basics.ts';
import type { StepResult } from './step-result.ts';

export interface CopyStepOptions extends StepBasics {
  readonly plan: CopyPlan;
  /** A stage or an image, or what opens the context. */
  readonly from: Vertex<StepResult> | OpenSource;
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

class Copying {
  readonly #options: CopyStepOptions;
  readonly #warn: (message: string) => void;
  #ahead: PackedCopy | undefined;
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

  #pack(context: StepContext<StepResult>): Promise<PackedCopy> {
    const { plan, ports } = this.#options;
    const { signal } = context;
    return this.#withSources(context, (tree) =>
      packCopy({
        ports,
        plan,
        tree,
        chain: chainBelow(context),
        roots: this.#roots(tree),
        pace: this.#pace(context),
        signal,
      }),
    );
  }

  #roots(tree: SourceTree): readonly CopyRoot[] {
    const { sources, inlineFiles } = this.#options.plan;
    const roots = findSources(tree, sources);
    if (roots.length > 0 || inlineFiles.length > 0) return roots;
    throw new Fault('not-found', 'no source files were specified: no pattern matches anything');
  }

  async #withSources<T>(context: StepContext<StepResult>, use: (tree: SourceTree) => Promise<T>): Promise<T> {
    const { from, ports } = this.#options;
    if (typeof from === 'function') return use(await from(context.signal));
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

function chainBelow({ inputs }: StepContext<StepResult>): readonly DiffId[] {
  return inputs[0]?.chain ?? [];
}

function changedMeanwhile(): Fault {
  return new Fault('conflict', 'the context changed while it was copied', {
    hint: 'build again when nothing writes to it',
  });
}

const affordable: ReadBudget = { files: 1000, bytes: 32 << 20 };
