import { Fault } from '../errors/index.ts';
import { JobSlots } from './job-slots.ts';
import { contentKeyOf, definitionKeyOf, lineageOf, readingKeyOf } from './keys.ts';
import { explainMiss } from './miss-reason.ts';
import type { Reason } from './reason.ts';
import type { StepRecord } from './record.ts';
import { orderVertices } from './vertex-order.ts';
import type { CachedOutcome, Outcome, Solved, SolveEvent, StepCache, StepContext, Vertex } from './vertex.ts';

export interface SolveOptions<R> {
  readonly cache: StepCache<R>;
  /** How many steps may be at work at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Told of each event as it happens; what it throws ends the solve. */
  readonly onEvent?: (event: SolveEvent<R>) => void;
}

/**
 * Brings the targets about and gives their results, in order. Each vertex that they need runs at most once, after all
 * that it depends on; others run beside it. Of vertices that turn out to have the same content key one runs, the others
 * are reused.
 *
 * At the first failure, and when `signal` aborts, the signal of all running steps is aborted; once they have settled
 * the first error is thrown as it is, or a Fault `cancelled`. So nothing is running when this returns or throws.
 */
export async function solve<R>(targets: readonly Vertex<R>[], options: SolveOptions<R>): Promise<readonly Solved<R>[]> {
  const run = new SolverRun(options);
  const order = orderVertices(targets);
  const settled = await Promise.allSettled(order.map((vertex) => run.solve(vertex)));
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw run.failureOr(failed.reason);
  return Promise.all(targets.map((target) => run.solvedOf(target)));
}

/** A step about to be looked up or run. */
interface Step<R> {
  readonly vertex: Vertex<R>;
  readonly record: StepRecord;
  readonly context: StepContext<R>;
  readonly lineages: readonly string[];
  readonly definitionKey: string;
  readonly contentKey: string;
  readonly readingKey: string | undefined;
}

/** What a vertex depends on, brought about. */
interface Ready<R> {
  readonly inputs: readonly Solved<R>[];
  readonly sources: readonly Solved<R>[];
  readonly context: StepContext<R>;
}

class SolverRun<R> {
  readonly #cache: StepCache<R>;
  readonly #onEvent: (event: SolveEvent<R>) => void;
  readonly #slots: JobSlots;
  readonly #stop = new AbortController();
  readonly #outer: AbortSignal;
  readonly #signal: AbortSignal;
  readonly #solved = new Map<Vertex<R>, Promise<Solved<R>>>();
  /** By content key: what was looked up or run in this solve. */
  readonly #atWork = new Map<string, Promise<Solved<R>>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: SolveOptions<R>) {
    this.#cache = options.cache;
    this.#onEvent = options.onEvent ?? (() => undefined);
    this.#slots = new JobSlots(options.jobs);
    this.#outer = options.signal;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  /** To be called once for each vertex, after it was called for all that the vertex depends on. */
  solve(vertex: Vertex<R>): Promise<Solved<R>> {
    const solved = this.#solveWhenReady(vertex);
    this.#solved.set(vertex, solved);
    return solved;
  }

  /** Why the solve ended: the first failure, the caller's abort, or else `error`. */
  failureOr(error: unknown): unknown {
    if (this.#failure !== undefined) return this.#failure.error;
    return this.#outer.aborted ? new Fault('cancelled', 'solve: cancelled', { cause: this.#outer.reason }) : error;
  }

  async #solveWhenReady(vertex: Vertex<R>): Promise<Solved<R>> {
    const inputs = await Promise.all(vertex.inputs.map((each) => this.solvedOf(each)));
    const sources = await Promise.all((vertex.sources ?? []).map((each) => this.solvedOf(each)));
    const turn = await this.#slots.run(async () => {
      this.#signal.throwIfAborted();
      const context = { inputs: resultsOf(inputs), sources: resultsOf(sources), signal: this.#signal };
      const step = await this.#guard(vertex, () => this.#describe(vertex, { inputs, sources, context }));
      const twin = vertex.cache === 'off' ? undefined : this.#atWork.get(step.contentKey);
      return twin === undefined ? { solved: await this.#bringAbout(step) } : { step, twin };
    });
    return turn.twin === undefined ? turn.solved : this.#guard(vertex, () => this.#share(turn.step, turn.twin));
  }

  #bringAbout(step: Step<R>): Promise<Solved<R>> {
    const solved = this.#guard(step.vertex, () => this.#reuse(step)).then((hit) => hit ?? this.#run(step));
    if (step.vertex.cache !== 'off') this.#atWork.set(step.contentKey, solved);
    return solved;
  }

  /** Two vertices that mean the same work: the second waits, in nobody's way, and takes what the first came to. */
  async #share(step: Step<R>, twin: Promise<Solved<R>>): Promise<Solved<R>> {
    const hit = await twin;
    if (hit.definitionKey !== step.definitionKey) await this.#keep(step, hit);
    this.#onEvent({ kind: 'cached', vertex: step.vertex, result: hit.result });
    return solvedFrom(step, hit, true);
  }

  solvedOf(vertex: Vertex<R>): Promise<Solved<R>> {
    const solved = this.#solved.get(vertex);
    if (solved === undefined) throw new Fault('internal', `solve ${vertex.label}: it was asked for out of order`);
    return solved;
  }

  async #reuse(step: Step<R>): Promise<Solved<R> | undefined> {
    const { vertex } = step;
    if (vertex.cache !== 'use') return undefined;
    const hit = await this.#find(step);
    if (hit === undefined) return undefined;
    if (hit.definitionKey !== step.definitionKey) await this.#keep(step, hit);
    this.#onEvent({ kind: 'cached', vertex: step.vertex, result: hit.result });
    return solvedFrom(step, hit, true);
  }

  #find({ vertex, context, contentKey, readingKey }: Step<R>): Promise<CachedOutcome<R> | undefined> {
    const onWait = (): void => this.#onEvent({ kind: 'waiting', vertex });
    return this.#cache.find(contentKey, { inputs: context.inputs, readingKey, onWait });
  }

  /** By a record that was only heard of, if it leads to a result; else by its own. */
  async #describe(vertex: Vertex<R>, ready: Ready<R>): Promise<Step<R>> {
    const { reading, record } = vertex;
    const lineages = ready.sources.map((each) => each.lineage);
    const readingKey = reading === undefined ? undefined : readingKeyOf(reading.digest, lineages);
    const isAsked = vertex.cache === 'use' && readingKey !== undefined;
    const heard = isAsked ? await this.#cache.recordRead?.(readingKey) : undefined;
    const promised = heard === undefined ? undefined : stepOf(vertex, heard, { ...ready, readingKey });
    if (promised !== undefined && (await this.#find(promised)) !== undefined) return promised;
    const own = typeof record === 'function' ? await record(ready.context) : record;
    return stepOf(vertex, own, { ...ready, readingKey });
  }

  async #run(step: Step<R>): Promise<Solved<R>> {
    const { vertex } = step;
    return this.#guard(vertex, async () => {
      this.#onEvent({ kind: 'started', vertex, reason: await this.#reasonFor(step) });
      const made = await vertex.run(step.context);
      const { outcome, unchanged } = await this.#settle(step, made);
      this.#onEvent({ kind: 'finished', vertex, result: outcome.result, unchanged });
      return solvedFrom(step, outcome, false);
    });
  }

  /** An earlier result of the same content takes the new one's place, unless the new one was asked for. */
  async #settle(
    step: Step<R>,
    made: Outcome<R>,
  ): Promise<{ readonly outcome: Outcome<R>; readonly unchanged: boolean }> {
    if (step.vertex.cache === 'off') return { outcome: made, unchanged: false };
    const known = await this.#cache.adopt(lineageOf(made.contentId, step.lineages), made.result);
    const unchanged = known !== made.result;
    const outcome = step.vertex.cache === 'use' ? { result: known, contentId: made.contentId } : made;
    await this.#keep(step, outcome);
    return { outcome, unchanged };
  }

  async #keep(step: Step<R>, outcome: Outcome<R> | CachedOutcome<R>): Promise<void> {
    const { vertex, record, definitionKey, contentKey, readingKey } = step;
    const { result, contentId } = outcome;
    const lineage = lineageOf(contentId, step.lineages);
    await this.#cache.put({ vertex, record, definitionKey, contentKey, lineage, readingKey, result, contentId });
  }

  async #reasonFor(step: Step<R>): Promise<Reason> {
    if (step.vertex.cache !== 'use') return { kind: 'cache-off' };
    return explainMiss(step.record, step.contentKey, await this.#cache.earlier(step.vertex));
  }

  /** Runs one part of a vertex's way; when it fails the others are stopped. */
  async #guard<T>(vertex: Vertex<R>, part: () => Promise<T>): Promise<T> {
    try {
      return await part();
    } catch (error) {
      if (this.#signal.aborted) {
        this.#onEvent({ kind: 'cancelled', vertex });
      } else {
        this.#failure = { error };
        this.#stop.abort(error);
        this.#onEvent({ kind: 'failed', vertex, error });
      }
      throw error;
    }
  }
}

function resultsOf<R>(solved: readonly Solved<R>[]): readonly R[] {
  return solved.map((each) => each.result);
}

function stepOf<R>(
  vertex: Vertex<R>,
  record: StepRecord,
  { inputs, context, readingKey }: Ready<R> & Pick<Step<R>, 'readingKey'>,
): Step<R> {
  const lineages = inputs.map((each) => each.lineage);
  const definitionKey = definitionKeyOf(
    record.digest,
    inputs.map((each) => each.definitionKey),
  );
  const contentKey = contentKeyOf(record.digest, lineages);
  return { vertex, record, context, lineages, definitionKey, contentKey, readingKey };
}

function solvedFrom<R>(step: Step<R>, outcome: Outcome<R>, cached: boolean): Solved<R> {
  const { definitionKey, contentKey, lineages, record } = step;
  const { result, contentId } = outcome;
  const lineage = lineageOf(contentId, lineages);
  return { result, contentId, definitionKey, contentKey, lineage, recordDigest: record.digest, cached };
}
