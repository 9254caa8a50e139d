import { cacheArtifact } from '../../image/index.ts';
import type { CacheRecords } from '../../state/index.ts';
import type { SolvedSteps } from '../lowering/image-of-stage.ts';
import type { LoweredStage } from '../lowering/step.ts';
import type { Annotation } from '../output/output-annotations.ts';
import { sharedEntries } from './export-caches.ts';
import type { ImportedCaches } from './imported-caches.ts';
import { encodeEntries } from './shared-entry.ts';

export interface InlineCacheOptions {
  readonly steps: SolvedSteps;
  readonly records: CacheRecords;
  readonly imported: ImportedCaches;
}

/**
 * By what the images of these stages say how their own layers came about: annotations of their manifests. The image ID
 * is what it is without. The records of the steps are left out, so reasons elsewhere are poorer.
 */
export function inlineCache(
  stages: readonly LoweredStage[],
  { steps, records, imported }: InlineCacheOptions,
): readonly Annotation[] {
  return stages.map(({ state, history }) => {
    const made = history.flatMap(({ step }) => (step === undefined ? [] : [step.work ?? step.vertex]));
    const keys = new Set(made.flatMap((vertex) => steps.get(vertex)?.contentKey ?? []));
    const entries = sharedEntries(keys, { records, imported }).map((entry) => ({ ...entry, preimage: undefined }));
    const value = Buffer.from(encodeEntries(entries)).toString('base64');
    return { place: 'manifest', platform: state.platform, key: cacheArtifact.inline, value };
  });
}
