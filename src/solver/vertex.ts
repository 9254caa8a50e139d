import type { Reason } from './reason.ts';
import type { StepRecord } from './record.ts';

/**
 * A graph of steps, and what running it with a cache means.
 *
 * A **vertex** is one step. It stands on its **inputs**, whose whole content it may depend on, and may read from
 * **sources**, of which it depends only on what its record tells (the files that a copy takes, not the stage they come
 * from). Vertices are compared by identity: one that is reached on several ways runs once. What a result is, the
 * solver does not know; it passes results on.
 *
 * A vertex has two keys:
 *
 *     definition key = hash(record, definition keys of the inputs)
 *     content key    = hash(record, lineages of the inputs)
 *     lineage        = hash(content ID, lineages of the inputs)
 *
 * The **content ID** is what the step says of the content that it added: equal for results that are the same for all
 * who follow. The lineage names that content together with all that lies below it; so the same step on another base, or
 * the same steps in another order, never have the same content key.
 *
 * The definition key says what is to be done, and is known before anything ran, where no record has to be found out.
 * It names an entry of the cache. The content key decides about reuse. An entry whose definition key is asked for, but
 * which was built on something else than what is there now (a step below ran again and gave something else), is not
 * reused. An entry with the same content key and another definition key is, and is then stored under that one as well.
 *
 * When a vertex ran and its lineage is known, the cache may give the earlier result in exchange for the new one. All
 * that follows is reused either way, as its content keys are what they were.
 *
 * A step that failed leaves no entry; those that finished before it do.
 */
export interface Vertex<R> {
  /** What the step is called to people: an instruction. */
  readonly label: string;
  /** Names the step from build to build, so that a reason can be given. Of no effect on reuse. */
  readonly slot: string;
  readonly inputs: readonly Vertex<R>[];
  readonly sources?: readonly Vertex<R>[];
  /** All that the result depends on beside the inputs; a function where it has to be found out from results first. */
  readonly record: StepRecord | ((context: StepContext<R>) => Promise<StepRecord>);
  /**
   * Where the record is a function, and finds out from the sources alone: what it looks at, and how. With the lineages of
   * the sources this names the record (the **reading key**), so that somebody who knows it from elsewhere need not look
   * into the sources to find a result.
   */
  readonly reading?: StepRecord;
  /** Does the step. It settles only when nothing of it is left running, soon after an abort. */
  readonly run: (context: StepContext<R>) => Promise<Outcome<R>>;
  /**
   * - `use`: reuse a result if there is one, else run and keep the result.
   * - `renew`: run in any case and keep the result.
   * - `off`: run in any case and keep nothing; for steps that only look something up.
   */
  readonly cache: 'use' | 'renew' | 'off';
}

export interface StepContext<R> {
  /** In the order of the vertex's inputs and sources. */
  readonly inputs: readonly R[];
  readonly sources: readonly R[];
  readonly signal: AbortSignal;
}

export interface Outcome<R> {
  readonly result: R;
  readonly contentId: string;
}

export interface Solved<R> extends Outcome<R> {
  readonly definitionKey: string;
  readonly contentKey: string;
  readonly lineage: string;
  readonly recordDigest: string;
  /** True if the vertex did not run. */
  readonly cached: boolean;
}

/** Where results are kept from build to build. What it gives back is usable: it has looked. */
export interface StepCache<R> {
  /**
   * A result with this content key, with the definition key that it is stored under; `inputs` are what it stands on.
   * Where somebody else is about to have one it is waited for, and `onWait` is told.
   */
  find(contentKey: string, options: FindOptions<R>): Promise<CachedOutcome<R> | undefined>;
  /**
   * The record that a step with this reading key has, as far as is known; undefined otherwise. A result is looked up
   * with it; before the step is run its own record is found out.
   */
  recordRead?(readingKey: string): Promise<StepRecord | undefined>;
  /** The result to go on with: an earlier one of this lineage, or `fresh`. */
  adopt(lineage: string, fresh: R): Promise<R>;
  /** Keeps a result, in place of what has the same definition key. */
  put(entry: CacheEntry<R>): Promise<void>;
  /** Earlier builds of the vertex's slot, nearest first, whether or not their results are still there. */
  earlier(vertex: Vertex<R>): Promise<readonly EarlierStep[]>;
}

export interface FindOptions<R> {
  readonly inputs: readonly R[];
  /** Of a vertex that says what it reads. */
  readonly readingKey: string | undefined;
  readonly onWait: () => void;
}

export interface CachedOutcome<R> extends Outcome<R> {
  readonly definitionKey: string;
}

export interface CacheEntry<R> extends Outcome<R> {
  readonly vertex: Vertex<R>;
  readonly definitionKey: string;
  readonly contentKey: string;
  readonly lineage: string;
  readonly record: StepRecord;
  readonly readingKey: string | undefined;
}

export interface EarlierStep {
  readonly recordDigest: string;
  readonly contentKey: string;
  /** The record as it was packed; undefined if it is no longer there. */
  readonly packed: () => Uint8Array | undefined;
}

/**
 * What happens to a vertex: perhaps `waiting` for somebody else's result; `cached`, or `started` and then one of `finished`, `failed` and `cancelled`. A vertex whose
 * record could not be found out fails, or is cancelled, without having started; one that never got to its turn has no
 * event. A step that finished `unchanged` gave what it, or another on the same content, gave before: all that follows on it is
 * looked up as if it had not run.
 */
export type SolveEvent<R> =
  | { readonly kind: 'waiting'; readonly vertex: Vertex<R> }
  | { readonly kind: 'cached'; readonly vertex: Vertex<R>; readonly result: R }
  | { readonly kind: 'started'; readonly vertex: Vertex<R>; readonly reason: Reason }
  | { readonly kind: 'finished'; readonly vertex: Vertex<R>; readonly result: R; readonly unchanged: boolean }
  | { readonly kind: 'failed'; readonly vertex: Vertex<R>; readonly error: unknown }
  | { readonly kind: 'cancelled'; readonly vertex: Vertex<R> };
