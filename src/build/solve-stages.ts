import { availableParallelism } from 'node:os';
import { solve, type SolveEvent, type Solved, type Vertex } from '../solver/index.ts';
import { BuildCache } from './build-cache.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildPorts } from './build-ports.ts';
import type { BuildProgress } from './build-progress.ts';
import type { ImportedCaches } from './cache/imported-caches.ts';
import type { SolvedSteps } from './lowering/image-of-stage.ts';
import type { LoweredStage } from './lowering/step.ts';
import { reasonText } from './reason-text.ts';
import type { StepResult } from './step-result.ts';

export interface Solving {
  readonly options: Pick<BuildOptions, 'signal' | 'jobs'>;
  readonly ports: Pick<BuildPorts, 'records' | 'layers' | 'locks' | 'holder'>;
  readonly progress: BuildProgress;
  readonly imported: ImportedCaches;
}

export interface SolvedStages {
  /** The results of all steps of the stages, by vertex: the history needs each, not only the last. */
  readonly steps: SolvedSteps;
  /** Content keys of the steps of the stages. */
  readonly ofStages: ReadonlySet<string>;
  /** Content keys of all steps that were needed, with the reading key of those that have one. */
  readonly reached: ReadonlyMap<string, string | undefined>;
}

/**
 * Runs what is not known yet. All layers of the stages are here in the end.
 *
 * Where a layer that a shared cache has promised cannot be had, the steps are solved once more, without that promise: what ran
 * meanwhile is known by then.
 */
export async function solveStages(stages: readonly LoweredStage[], solving: Solving): Promise<SolvedStages> {
  const { imported, options } = solving;
  for (;;) {
    const lostBefore = imported.lostCount;
    try {
      return await solveOnce(stages, { ...solving, isLost: () => imported.lostCount > lostBefore });
    } catch (error) {
      if (imported.lostCount === lostBefore || options.signal.aborted) throw error;
    }
  }
}

interface Attempt extends Solving {
  /** True from the moment at which this attempt cannot succeed any more, and another will be made. */
  readonly isLost: () => boolean;
}

async function solveOnce(stages: readonly LoweredStage[], attempt: Attempt): Promise<SolvedStages> {
  const { options, ports, imported } = attempt;
  const { records, layers, locks, holder } = ports;
  const { signal, jobs = availableParallelism() } = options;
  await using cache = new BuildCache({ records, layers, locks, holder, signal, imported });
  const vertices = stages.flatMap(({ tip, history }) => [
    tip,
    ...history.flatMap(({ step }) => (step === undefined ? [] : [step.vertex])),
  ]);
  const wanted = [...new Set([...vertices.flatMap(({ inputs }) => inputs), ...vertices])];
  const solved = await solve(wanted, { cache, jobs, signal, onEvent: (event) => report(event, attempt) });
  const steps = new Map(wanted.map((vertex, index) => [vertex, solved[index] as Solved<StepResult>]));
  for (const { tip } of stages) await imported.bring(steps.get(tip)?.result.chain ?? [], signal);
  return { steps, ofStages: contentKeys(steps), reached: cache.reached };
}

function contentKeys(steps: SolvedSteps): ReadonlySet<string> {
  const kept = [...steps].filter(([vertex]: readonly [Vertex<StepResult>, unknown]) => vertex.cache !== 'off');
  return new Set(kept.map(([, { contentKey }]) => contentKey));
}

function report(event: SolveEvent<StepResult>, { progress, isLost }: Attempt): void {
  const { vertex } = event;
  switch (event.kind) {
    case 'started':
      return progress.started(vertex, vertex.cache === 'off' ? undefined : reasonText(event.reason));
    case 'waiting':
      return progress.waiting(vertex);
    case 'cached':
      return progress.cached(vertex);
    case 'finished':
      return progress.finished(vertex, event.unchanged);
    case 'failed':
      return isLost() ? undefined : progress.failed(vertex, headline(event.error));
    case 'cancelled':
      return isLost() ? undefined : progress.cancelled(vertex);
  }
}

/** The whole of it, with its place, stands at the end of the build. */
function headline(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? '';
}
