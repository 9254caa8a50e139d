import { Fault } from '../../errors/index.ts';
import type { PackedLayer } from '../../layer/index.ts';
import type { DiffId } from '../../oci/index.ts';
import { recordOf, type Outcome, type StepContext, type StepRecord, type Vertex } from '../../solver/index.ts';
import { bytesOf } from '../../std/index.ts';
import { packCopy, type PackedCopy } from './copy-packing.ts';
import type { CopyPlan } from './copy-plan.ts';
import { scanCopy, type CopyFindings, type ReadBudget } from './copy-scan.ts';
import { copyRoots } from './copy-roots.ts';
import { withoutCredentials } from './copy-words.ts';
import type { CopyRoot } from './copy-sources.ts';
import { resolveFetched, type FetchedSource, type RemoteWord } from '../source/fetched-source.ts';
import { faultAt } from '../lowering/instruction-fault.ts';
import { LayerSourceTree } from '../source/layer-source-tree.ts';
import { Pace } from '../pace.ts';
import type { SourceTree } from '../source/source-tree.ts';
import type { Origin } from '../lowering/stage-scope.ts';
import type { StepBasics } from '../lowering/step-basics.ts';
import type { StepResult } from '../step-result.ts';

export interface CopyStepOptions extends StepBasics {
  readonly plan: CopyPlan;
  /** What paths are relative to: a stage or an image, or what opens the context. */
  readonly from: Origin;
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
    label: withoutCredentials(instruction.original),
    slot,
    inputs: [base],
    ...(typeof from === 'function' ? {} : { sources: [from] }),
    ...(typeof from === 'function' || hasRemote(options.plan) ? {} : { reading: readingOf(options.plan) }),
    record: (context) => copying.describe(context),
    cache,
    run: (context) => copying.run(context),
    [Symbol.dispose]: () => copying.drop(),
  };
  return vertex;
}

/** What a URL gives can be another thing each time. */
function hasRemote({ words }: CopyPlan): boolean {
  return words.some(({ kind }) => kind !== 'path');
}

/** What a copy from a stage looks at, and how: the plan. */
function readingOf(plan: CopyPlan): StepRecord {
  return recordOf({ op: bytesOf('copy'), plan: bytesOf(JSON.stringify(plan)) });
}

class Copying {
  readonly #options: CopyStepOptions;
  readonly #warn: (message: string) => void;
  #ahead: PackedCopy | undefined;
  #described: StepRecord | undefined;
  #fetched: readonly FetchedSource[] | undefined;

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
    return this.#withRoots(context, 'identities', async (found) => {
      const roots = found.map((root, index) => ({ root, index, place: root.path }));
      // What a stage holds was made by steps before: most likely this one is known, and a layer would be for nothing.
      const budget = typeof this.#options.from === 'function' ? { budget: affordable } : {};
      return scanCopy({ plan: this.#options.plan, roots, pace: this.#pace(context), ...budget });
    });
  }

  async #packAhead(context: StepContext<StepResult>): Promise<CopyFindings> {
    this.drop();
    this.#ahead = await this.#pack(context);
    return this.#ahead.findings;
  }

  async #pack(context: StepContext<StepResult>): Promise<PackedCopy> {
    const { plan, ports } = this.#options;
    const { signal } = context;
    const chain = chainBelow(context);
    await ports.fetcher?.bring(chain, signal);
    return this.#withRoots(context, 'contents', (roots) =>
      packCopy({ ports, plan, chain, roots, pace: this.#pace(context), signal }),
    );
  }

  /** `identities`: what was fetched is only known for what it is, and has no tree. */
  async #withRoots<T>(
    context: StepContext<StepResult>,
    need: 'identities' | 'contents',
    use: (roots: readonly CopyRoot[]) => Promise<T>,
  ): Promise<T> {
    using opened = new DisposableStack();
    const { plan } = this.#options;
    const needsTree = plan.words.some(({ kind }) => kind === 'path');
    const tree = needsTree ? await this.#tree(context, opened) : undefined;
    const fetched: { readonly source: FetchedSource; readonly tree: SourceTree }[] = [];
    for (const source of await this.#resolved(context.signal)) {
      const open = need === 'contents' ? opened.use(await source.open(context.signal)) : { tree: nothing };
      fetched.push({ source, tree: open.tree });
    }
    return await use(copyRoots(plan, { tree, fetched }));
  }

  async #tree(context: StepContext<StepResult>, opened: DisposableStack): Promise<SourceTree> {
    const { from, ports } = this.#options;
    if (typeof from === 'function') return from(context.signal);
    const chain = context.sources[0]?.chain ?? [];
    await ports.fetcher?.bring(chain, context.signal);
    return new LayerSourceTree(opened.use(ports.layers.tree(chain)));
  }

  /** Asked for once: the record and the layer are of the same. */
  async #resolved(signal: AbortSignal): Promise<readonly FetchedSource[]> {
    const { plan, ports } = this.#options;
    const words = plan.words.filter((word): word is RemoteWord => word.kind !== 'path');
    this.#fetched ??= await Promise.all(words.map((word) => resolveFetched(word, ports, signal)));
    return this.#fetched;
  }

  #pace({ signal }: StepContext<StepResult>): Pace {
    return new Pace(signal, this.#options.instruction.original);
  }

  /** Shows the instruction that failed. */
  async #locating<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw faultAt(this.#options.source, this.#options.instruction, error);
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

/** Stands for what was not opened: nobody looks into it. */
const nothing: SourceTree = {
  stat: () => undefined,
  resolve: (path) => path,
  list: () => [],
  walk: () => [],
  read: () => [],
  knownHash: () => undefined,
  remember: () => undefined,
  flush: () => undefined,
};
const affordable: ReadBudget = { files: 1000, bytes: 32 << 20 };
