import { Fault } from '../../errors/index.ts';
import { parseDiffId, type DiffId } from '../../oci/index.ts';
import type { CacheRecords } from '../../state/index.ts';
import type { BuildPorts } from '../build-ports.ts';
import type { BuildProgress } from '../build-progress.ts';
import type { CacheExportTo } from './cache-place.ts';
import type { ImportedCaches } from './imported-caches.ts';
import type { CachePlan } from './open-caches.ts';
import { placeName } from './place-name.ts';
import { encodeEntries, nothingMade, type SharedEntry } from './shared-entry.ts';
import { slotAnywhere } from './slot-anywhere.ts';

export interface CacheExportOptions {
  readonly ports: Pick<BuildPorts, 'caches' | 'records'>;
  readonly imported: ImportedCaches;
  readonly progress: BuildProgress;
  readonly signal: AbortSignal;
}

/** Content keys of steps that have a result. */
export interface ExportedSteps {
  /** Those of the images that were made. */
  readonly ofStages: ReadonlySet<string>;
  /** All that were needed, with the reading key of those that have one. */
  readonly reached: ReadonlyMap<string, string | undefined>;
}

/**
 * Puts what the build came to where others can use it. To be called when the build succeeded. A place that cannot be written
 * is a Fault, unless that was asked to be ignored.
 */
export async function exportCaches(
  { to }: CachePlan,
  steps: ExportedSteps,
  options: CacheExportOptions,
): Promise<void> {
  for (const each of to) {
    if (each.kind === 'place') await exportTo(each, steps, options);
  }
}

async function exportTo(
  target: CacheExportTo,
  { ofStages, reached }: ExportedSteps,
  { ports, imported, progress, signal }: CacheExportOptions,
): Promise<void> {
  const { caches, records } = ports;
  if (caches === undefined) return;
  const carried = sharedEntries(target.mode === 'max' ? reached.keys() : ofStages, { records, imported });
  const wanted = new Set(carried.flatMap(({ layer }) => (layer === undefined ? [] : [layer])));
  const name = placeName(target.place);
  try {
    const layers = await imported.available([...wanted], signal);
    const known = sharedEntries(reached.keys(), { records, imported });
    const entries = known.map((entry) => ({ ...entry, reading: reached.get(entry.contentKey) }));
    const content = { records: encodeEntries(entries), layers, compression: target.compression };
    await progress.internal(`export cache to ${name}`, (report) =>
      caches.write(target.place, content, {
        signal,
        onProgress: ({ doneBytes, totalBytes }) => report({ done: doneBytes, total: totalBytes, unit: 'bytes' }),
      }),
    );
  } catch (error) {
    const fault = Fault.wrap(`export cache to ${name}`, error);
    if (!target.ignoresErrors || signal.aborted) throw fault;
    progress.warning(undefined, fault.message);
  }
}

/** Those of the steps that have a result that others can use. */
export function sharedEntries(
  keys: Iterable<string>,
  { records, imported }: { readonly records: CacheRecords; readonly imported: ImportedCaches },
): readonly SharedEntry[] {
  return [...keys].flatMap((contentKey) => {
    const entry = entryOf(contentKey, records) ?? imported.entry(contentKey);
    return entry === undefined ? [] : [entry];
  });
}

function entryOf(contentKey: string, records: CacheRecords): SharedEntry | undefined {
  const record = records.byContent(contentKey);
  if (record === undefined) return undefined;
  const { contentId, label, slot } = record;
  const { chain, createdMs } = JSON.parse(record.result) as { chain: readonly string[]; createdMs: number };
  return {
    contentKey,
    contentId,
    layer: contentId === nothingMade ? undefined : topOf(chain),
    createdMs,
    slot: slotAnywhere(slot),
    label,
    record: record.preimage,
    reading: undefined,
    preimage: records.preimage(record.preimage),
  };
}

function topOf(chain: readonly string[]): DiffId {
  return parseDiffId(chain.at(-1) ?? '');
}
