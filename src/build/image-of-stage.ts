import type { Clock } from '../std/index.ts';
import { defined, type History, type ImageConfig, type Platform } from '../oci/index.ts';
import type { Solved, Vertex } from '../solver/index.ts';
import type { HistoryDraft, LoweredStage } from './step.ts';
import type { StepResult } from './step-result.ts';

export interface ImageOfStageOptions {
  readonly clock: Clock;
  readonly platform: Platform;
  readonly labels: ReadonlyMap<string, string>;
}

/** The config of the image that a stage came to (image-spec config.md). */
export function imageOf(
  stage: LoweredStage,
  solved: ReadonlyMap<Vertex<StepResult>, Solved<StepResult>>,
  options: ImageOfStageOptions,
): ImageConfig {
  const { state, tip } = stage;
  const created = new Date(options.clock.now()).toISOString();
  const { os, architecture, variant } = options.platform;
  const labels = { ...state.config.Labels, ...Object.fromEntries(options.labels) };
  const config = { ...state.config, ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }) };
  return defined({
    created,
    author: state.author,
    architecture,
    variant,
    os,
    config,
    rootfs: { type: 'layers' as const, diff_ids: chainOf(tip, solved) },
    history: [...state.baseHistory, ...state.history.map((draft) => historyOf(draft, solved, created))],
  });
}

function historyOf(
  { createdBy, step }: HistoryDraft,
  solved: ReadonlyMap<Vertex<StepResult>, Solved<StepResult>>,
  created: string,
): History {
  const common = { created, created_by: createdBy, comment: 'varve' };
  return step !== undefined && addsLayer(step.vertex, solved) ? common : { ...common, empty_layer: true };
}

function addsLayer(vertex: Vertex<StepResult>, solved: ReadonlyMap<Vertex<StepResult>, Solved<StepResult>>): boolean {
  const below = vertex.inputs[0];
  return chainOf(vertex, solved).length > (below === undefined ? 0 : chainOf(below, solved).length);
}

function chainOf(
  vertex: Vertex<StepResult>,
  solved: ReadonlyMap<Vertex<StepResult>, Solved<StepResult>>,
): StepResult['chain'] {
  return solved.get(vertex)?.result.chain ?? [];
}
