import { Fault } from '../../errors/index.ts';
import { readContentId, type LayerHolder, type LayerStore } from '../../layer/index.ts';
import { shortDigest, type DiffId } from '../../oci/index.ts';
import type { CachedOutcome, EarlierStep, StepRecord } from '../../solver/index.ts';
import { createLimit, createSingleFlight } from '../../std/index.ts';
import type { BuildProgress } from '../build-progress.ts';
import type { StepResult } from '../step-result.ts';
import { ImportedRecords } from './imported-records.ts';
import { hasLayer, outcomeOf, shown, type Known } from './known-entry.ts';
import type { LayerFetcher, SharedCache } from './shared-caches.ts';
import { decodeEntries, type SharedEntry } from './shared-entry.ts';
import { slotAnywhere } from './slot-anywhere.ts';

export interface ImportedCachesOptions {
  readonly layers: LayerStore;
  readonly holder: LayerHolder;
  readonly progress: Pick<BuildProgress, 'internal' | 'warning'>;
}

/**
 * What shared caches know, for one build.
 *
 * A result that `find` gives may name a layer that is not here. It is brought by `bring`, before its bytes are needed, and
 * only then is it seen whether it is what its entry claims: until that is so, the layer is not **proven**, and nothing
 * about it is kept. An entry may do without a layer that is in the cache: it then says what a step comes to, for those
 * that follow. An entry whose layer is gone, wrong or out of reach is dropped with a warning, once; `bring` then
 * fails, `lostCount` is one more, and the build is solved anew without that entry.
 */
export class ImportedCaches implements LayerFetcher {
  readonly #options: ImportedCachesOptions;
  readonly #byKey = new Map<string, Known[]>();
  readonly #byReading = new Map<string, SharedEntry>();
  readonly #records = new ImportedRecords();
  readonly #bySlot = new Map<string, SharedEntry[]>();
  /** What was found, by layer: one layer cannot have two contents. */
  readonly #claims = new Map<DiffId, Known>();
  readonly #proven = new Set<DiffId>();
  readonly #dropped = new Set<SharedEntry>();
  readonly #unreachable = new Set<SharedCache>();
  readonly #once = createSingleFlight<DiffId, string | undefined>();
  readonly #limit = createLimit(parallelLayers);
  #lostCount = 0;

  constructor(options: ImportedCachesOptions) {
    this.#options = options;
  }

  /** Fault as `decodeEntries`. Of several caches that know a step the first counts, then the next. */
  add(cache: SharedCache): void {
    for (const entry of decodeEntries(cache.records)) {
      listIn(this.#byKey, entry.contentKey).push({ entry, cache });
      if (entry.reading !== undefined) this.#byReading.set(entry.reading, entry);
      listIn(this.#bySlot, entry.slot).push(entry);
    }
  }

  /** How many results were given and then turned out to be of no use. */
  get lostCount(): number {
    return this.#lostCount;
  }

  /** What the step came to elsewhere, on top of what is below it here. */
  find(contentKey: string, below: StepResult | undefined): CachedOutcome<StepResult> | undefined {
    const known = this.#byKey.get(contentKey)?.filter(({ entry }) => !this.#dropped.has(entry)) ?? [];
    const found =
      known.find((each) => hasLayer(each) && this.#isUsable(each)) ?? known.find((each) => this.#isUsable(each));
    return found === undefined ? undefined : outcomeOf(found.entry, below);
  }

  /** The record of a step that was done elsewhere on the same content. */
  recordRead(readingKey: string): StepRecord | undefined {
    const entry = this.#byReading.get(readingKey);
    return entry === undefined || this.#dropped.has(entry) ? undefined : this.#records.of(entry);
  }

  /** The entry that `find` gave a result from. */
  entry(contentKey: string): SharedEntry | undefined {
    return this.#byKey.get(contentKey)?.find(({ entry }) => !this.#dropped.has(entry))?.entry;
  }

  /** What others built in this slot: the same step of the same Dockerfile, wherever that lies. */
  earlier(slot: string): readonly EarlierStep[] {
    const entries = this.#bySlot.get(slotAnywhere(slot)) ?? [];
    return entries.slice(0, comparedSteps).map((entry) => ({
      recordDigest: entry.record,
      contentKey: entry.contentKey,
      packed: () => this.#records.of(entry)?.packed,
    }));
  }

  /** The layers of a chain that were only heard of. */
  unproven(chain: readonly DiffId[]): readonly DiffId[] {
    return [...new Set(chain)].filter((diffId) => this.#claims.has(diffId) && !this.#proven.has(diffId));
  }

  /** True of a layer that was brought, and holds what was claimed. */
  isProven(diffId: DiffId): boolean {
    return this.#proven.has(diffId);
  }

  async bring(chain: readonly DiffId[], signal: AbortSignal): Promise<void> {
    const unproven = this.unproven(chain);
    if (unproven.length === 0) return;
    const here = unproven.filter((diffId) => this.#isHere(diffId));
    const away = unproven.filter((diffId) => !here.includes(diffId));
    const nowhere = away.filter((diffId) => this.#having(diffId).length === 0);
    for (const diffId of nowhere) this.#lose(diffId, noLayer);
    if (nowhere.length > 0) throw new Fault('unavailable', `use the shared cache: ${noLayer}`);
    const proofs = here.map((diffId) => this.#once(diffId, (stop) => this.#prove(diffId, stop), signal));
    const problems = [...(await Promise.all(proofs)), ...(await this.#fetchAll(away, signal))];
    const lost = problems.find((problem) => problem !== undefined);
    if (lost !== undefined) throw new Fault('unavailable', `use the shared cache: ${lost}`);
  }

  /** Those of the layers that are here, or could be brought. */
  async available(diffIds: readonly DiffId[], signal: AbortSignal): Promise<readonly DiffId[]> {
    const away = this.unproven(diffIds).filter((diffId) => !this.#isHere(diffId) && this.#having(diffId).length > 0);
    await this.#fetchAll(away, signal);
    return diffIds.filter((diffId) => this.#isHere(diffId));
  }

  async #fetchAll(diffIds: readonly DiffId[], signal: AbortSignal): Promise<readonly (string | undefined)[]> {
    if (diffIds.length === 0) return [];
    const { progress } = this.#options;
    const names = new Set(diffIds.map((diffId) => this.#claims.get(diffId)?.cache.name ?? ''));
    const what = `fetch ${diffIds.length} ${diffIds.length === 1 ? 'layer' : 'layers'} from ${[...names].join(', ')}`;
    return progress.internal(what, async (report) => {
      const sums = new Map<DiffId, Transfer>();
      const fetch = (diffId: DiffId): Promise<string | undefined> =>
        this.#once(
          diffId,
          (stop) => this.#limit(() => this.#fetch(diffId, { signal: stop, onProgress }), stop),
          signal,
        );
      const onProgress = (diffId: DiffId, transfer: Transfer): void => {
        sums.set(diffId, transfer);
        report({ ...sumOf(sums.values()), unit: 'bytes' });
      };
      return Promise.all(diffIds.map(fetch));
    });
  }

  /** The problem with a layer, undefined if it is here and proven. Asked for by several steps at once it is fetched once. */
  async #fetch(diffId: DiffId, { signal, onProgress }: Fetching): Promise<string | undefined> {
    let problem = 'nobody has it any more';
    for (const cache of this.#having(diffId)) {
      if (this.#unreachable.has(cache)) continue;
      try {
        await cache.fetch(diffId, { signal, onProgress: (transfer) => onProgress(diffId, transfer) });
        return await this.#prove(diffId, signal);
      } catch (error) {
        if (!Fault.is(error) || error.code === 'cancelled' || signal.aborted) throw error;
        if (error.code === 'unavailable') this.#unreachable.add(cache);
        problem = error.message;
      }
    }
    return this.#lose(diffId, problem);
  }

  #having(diffId: DiffId): readonly SharedCache[] {
    const caches = new Set([...this.#byKey.values()].flat().map(({ cache }) => cache));
    return [...caches].filter((cache) => cache.layers.has(diffId));
  }

  /** Looks whether the layer, which is here, holds what was claimed. */
  async #prove(diffId: DiffId, signal: AbortSignal): Promise<string | undefined> {
    const known = this.#claims.get(diffId);
    if (known === undefined) return undefined;
    const found = await readContentId(this.#options.layers.tar(diffId), signal);
    if (found !== known.entry.contentId) return this.#lose(diffId, 'it does not hold what the cache says');
    this.#proven.add(diffId);
    return undefined;
  }

  #lose(diffId: DiffId, problem: string): string {
    const known = this.#claims.get(diffId);
    if (known === undefined) return problem;
    this.#claims.delete(diffId);
    this.#lostCount += 1;
    if (problem === noLayer) this.#dropped.add(known.entry);
    else this.#drop(known, `layer ${shortDigest(diffId)}: ${problem}`);
    return problem;
  }

  #drop({ entry, cache }: Known, problem: string): void {
    this.#dropped.add(entry);
    this.#options.progress.warning(undefined, `cache ${cache.name}: ${shown(entry)} is not reused: ${problem}`);
  }

  /** A layer that is known for other content, or a cache that does not answer any more, is of no use. */
  #isUsable({ entry, cache }: Known): boolean {
    const { layer } = entry;
    if (layer === undefined) return true;
    const claimed = this.#claims.get(layer);
    if (claimed !== undefined && claimed.entry.contentId !== entry.contentId) {
      this.#drop({ entry, cache }, `layer ${shortDigest(layer)} is that of ${shown(claimed.entry)}`);
      return false;
    }
    if (this.#unreachable.has(cache) && !this.#isHere(layer)) return false;
    if (claimed === undefined) this.#claims.set(layer, { entry, cache });
    return true;
  }

  #isHere(diffId: DiffId): boolean {
    return this.#options.layers.hold(diffId, this.#options.holder);
  }
}

/** What a cache was never given is no reason for a warning. */
const noLayer = 'its layer is in no cache';

interface Fetching {
  readonly signal: AbortSignal;
  readonly onProgress: (diffId: DiffId, transfer: Transfer) => void;
}

interface Transfer {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** As many as a pull fetches at once. */
const parallelLayers = 3;

/** How many steps of a slot a reason may compare with. */
const comparedSteps = 10;

function listIn<K, V>(map: Map<K, V[]>, key: K): V[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

function sumOf(transfers: Iterable<Transfer>): { readonly done: number; readonly total: number } {
  let [done, total] = [0, 0];
  for (const { doneBytes, totalBytes } of transfers) {
    done += doneBytes;
    total += totalBytes;
  }
  return { done, total };
}
