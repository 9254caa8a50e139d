import type { LayerHolder, LayerStore } from '../layer/index.ts';
import { parseDiffId, toDigest, type DiffId } from '../oci/index.ts';
import {
  recordFrom,
  type CacheEntry,
  type CachedOutcome,
  type EarlierStep,
  type FindOptions,
  type StepCache,
  type StepRecord,
  type Vertex,
} from '../solver/index.ts';
import type { CacheRecord, CacheRecords, Locks } from '../state/index.ts';
import type { ImportedCaches } from './cache/imported-caches.ts';
import type { StepResult } from './step-result.ts';

export interface BuildCacheOptions {
  readonly records: CacheRecords;
  readonly layers: LayerStore;
  readonly locks: Locks;
  readonly holder: LayerHolder;
  readonly signal: AbortSignal;
  /** Asked for what is not known here. */
  readonly imported: ImportedCaches;
}

/**
 * Results of earlier builds, as the records of the store have them. What it gives out is there: every layer of it is in
 * the store, and held. Only a result that comes from elsewhere may have a layer that must be brought first; it is
 * kept as one of this store when it was, and holds what it should.
 *
 * Of two builds that need the same step at once, in whatever processes, one runs it: whoever does not find a result
 * takes the step's lock, and keeps it until the result is stored, or the build ends. The other waits, and then finds
 * it, or has the step to itself.
 */
export class BuildCache implements StepCache<StepResult>, AsyncDisposable {
  readonly #options: BuildCacheOptions;
  /** By content key. */
  readonly #claims = new Map<string, Claim>();
  /** Known to be there, and held: it stays so until the build is over. */
  readonly #held = new Set<DiffId>();
  /** Definition keys of what was reused: noted when the build is over, as one change. */
  readonly #used = new Set<string>();
  readonly #reached = new Map<string, string | undefined>();
  /** Results from elsewhere, and layers of them that are not here yet. */
  readonly #hearsay: { readonly entry: CacheEntry<StepResult>; readonly unproven: readonly DiffId[] }[] = [];

  constructor(options: BuildCacheOptions) {
    this.#options = options;
  }

  /** Content keys of the steps that have a result now, with the reading key of those that have one. */
  get reached(): ReadonlyMap<string, string | undefined> {
    return this.#reached;
  }

  async find(
    contentKey: string,
    { inputs, readingKey, onWait }: FindOptions<StepResult>,
  ): Promise<CachedOutcome<StepResult> | undefined> {
    const found = this.#lookUp(contentKey) ?? this.#options.imported.find(contentKey, inputs[0]);
    if (found !== undefined) this.#reached.set(contentKey, readingKey);
    if (found !== undefined || this.#claims.has(contentKey)) return found;
    if (this.#options.locks.isHeld(lockOf(contentKey))) onWait();
    await this.#claim(contentKey);
    const foundAfterWait = this.#lookUp(contentKey);
    if (foundAfterWait === undefined) return undefined;
    this.#reached.set(contentKey, readingKey);
    await this.#release(contentKey);
    return foundAfterWait;
  }

  async recordRead(readingKey: string): Promise<StepRecord | undefined> {
    const packed = this.#options.records.preimageRead(readingKey);
    return packed === undefined ? this.#options.imported.recordRead(readingKey) : recordFrom(packed);
  }

  async adopt(lineage: string, fresh: StepResult): Promise<StepResult> {
    const record = this.#options.records.byLineage(lineage);
    return (record === undefined ? undefined : this.#resultOf(record)) ?? fresh;
  }

  async put(entry: CacheEntry<StepResult>): Promise<void> {
    this.#reached.set(entry.contentKey, entry.readingKey);
    const unproven = this.#options.imported.unproven(entry.result.chain);
    if (unproven.length === 0) this.#keep(entry);
    else this.#hearsay.push({ entry, unproven });
    await this.#release(entry.contentKey);
  }

  async earlier(vertex: Vertex<StepResult>): Promise<readonly EarlierStep[]> {
    const { records } = this.#options;
    const own = records.bySlot(vertex.slot, comparedBuilds);
    const here = [...own, ...this.#movedHere(vertex)].map((record) => ({
      recordDigest: record.preimage,
      contentKey: record.contentKey,
      packed: () => records.preimage(record.preimage),
    }));
    return [...here, ...this.#options.imported.earlier(vertex.slot)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { imported } = this.#options;
    for (const { entry, unproven } of this.#hearsay) {
      if (unproven.every((diffId) => imported.isProven(diffId))) this.#keep(entry);
    }
    for (const contentKey of this.#claims.keys()) await this.#release(contentKey);
    if (this.#used.size > 0) this.#options.records.touch([...this.#used]);
  }

  #keep(entry: CacheEntry<StepResult>): void {
    const { vertex, definitionKey, contentKey, readingKey, lineage, contentId, record, result } = entry;
    this.#options.records.put({
      definitionKey,
      contentKey,
      lineage,
      contentId,
      slot: vertex.slot,
      label: vertex.label,
      result: JSON.stringify(result),
      preimage: record.digest,
      preimageBytes: record.packed,
      readingKey,
      digests: result.chain.map(toDigest),
    });
  }

  /** The very step, where lines before it were put in or taken out. */
  #movedHere({ slot, record }: Vertex<StepResult>): readonly CacheRecord[] {
    if (typeof record === 'function') return [];
    const near = slotsNear(slot).flatMap((each) => this.#options.records.bySlot(each, comparedBuilds));
    return near.filter((each) => each.preimage === record.digest);
  }

  #lookUp(contentKey: string): CachedOutcome<StepResult> | undefined {
    const record = this.#options.records.byContent(contentKey);
    const result = record === undefined ? undefined : this.#resultOf(record);
    if (record === undefined || result === undefined) return undefined;
    this.#used.add(record.definitionKey);
    return { result, contentId: record.contentId, definitionKey: record.definitionKey };
  }

  #resultOf(record: CacheRecord): StepResult | undefined {
    const { chain: diffIds, createdMs } = JSON.parse(record.result) as { chain: readonly string[]; createdMs: number };
    const chain = diffIds.map(parseDiffId);
    return chain.every((diffId) => this.#hold(diffId)) ? { chain, createdMs } : undefined;
  }

  #hold(diffId: DiffId): boolean {
    if (this.#held.has(diffId)) return true;
    const isThere = this.#options.layers.hold(diffId, this.#options.holder);
    if (isThere) this.#held.add(diffId);
    return isThere;
  }

  async #claim(contentKey: string): Promise<void> {
    const { locks, signal } = this.#options;
    const held = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const ended = locks.exclusively(
      lockOf(contentKey),
      async () => {
        held.resolve();
        await over.promise;
      },
      { signal },
    );
    ended.catch(held.reject);
    await held.promise;
    this.#claims.set(contentKey, { release: over.resolve, ended });
  }

  async #release(contentKey: string): Promise<void> {
    const claim = this.#claims.get(contentKey);
    if (claim === undefined) return;
    this.#claims.delete(contentKey);
    claim.release();
    await claim.ended;
  }
}

interface Claim {
  readonly release: () => void;
  readonly ended: Promise<void>;
}

function lockOf(contentKey: string): string {
  return `step ${contentKey}`;
}

/** How many earlier builds of a step a reason may compare with. */
const comparedBuilds = 10;

/** How far a step may have moved, by instructions put in or taken out before it, and still be known for itself. */
const farthestMove = 3;

/** The slots around one, which ends in the number of the instruction among those of its kind; nearest first. */
function slotsNear(slot: string): readonly string[] {
  const slash = slot.lastIndexOf('/') + 1;
  const number = Number(slot.slice(slash));
  const moves = Array.from({ length: farthestMove }, (_, index) => [index + 1, -index - 1]).flat();
  const near = moves.map((move) => number + move).filter((each) => each >= 0);
  return near.map((each) => `${slot.slice(0, slash)}${each}`);
}
