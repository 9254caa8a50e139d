import type { Clock } from '../../std/index.ts';
import { defined, type ContainerConfig, type History, type ImageConfig } from '../../oci/index.ts';
import type { Solved, Vertex } from '../../solver/index.ts';
import type { LoweredStage } from './step.ts';
import type { StepResult } from '../step-result.ts';

export interface ImageOfStageOptions {
  readonly clock: Clock;
  readonly labels: ReadonlyMap<string, string>;
  /** No time that the build sets is later: seconds since 1970. */
  readonly epochSec: number | undefined;
}

/** The result of each step. */
export type SolvedSteps = ReadonlyMap<Vertex<StepResult>, Solved<StepResult>>;

/**
 * The config of the image that a stage came to (image-spec config.md). Its times are those at which its steps were made:
 * a build that reuses everything gives the image that is there already.
 */
export function imageOf(stage: LoweredStage, solved: SolvedSteps, options: ImageOfStageOptions): ImageConfig {
  const { state, tip } = stage;
  const { epochSec } = options;
  const history = historyOf(stage, solved, options);
  const { os, architecture, variant } = state.platform;
  const Labels = { ...state.config.Labels, ...Object.fromEntries(options.labels) };
  return defined({
    created: epochSec === undefined ? history.at(-1)?.created : new Date(epochSec * 1000).toISOString(),
    author: state.author,
    architecture,
    variant,
    os,
    config: withoutEmpty({ ...state.config, Labels }),
    rootfs: { type: 'layers' as const, diff_ids: resultOf(tip, solved).chain },
    history,
  });
}

/** What an instruction emptied (`ENTRYPOINT []`, `USER $NOTHING`) is left out, as one who never set it would. */
function withoutEmpty(config: ContainerConfig): ContainerConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** What the base says of itself, then an entry for each instruction, not older than the one before it. */
function historyOf(
  { state, history }: LoweredStage,
  solved: SolvedSteps,
  { clock, epochSec = Infinity }: ImageOfStageOptions,
): readonly History[] {
  const base = state.baseHistory.at(-1)?.created;
  let createdMs = base === undefined ? 0 : Date.parse(base);
  const made = history.map(({ createdBy, step }): History => {
    if (step !== undefined) createdMs = Math.max(createdMs, resultOf(step.vertex, solved).createdMs);
    if (createdMs === 0) createdMs = clock.now();
    const shownMs = Math.min(createdMs, epochSec * 1000);
    const entry = { created: new Date(shownMs).toISOString(), created_by: createdBy, comment: 'varve' };
    return step !== undefined && addsLayer(step.vertex, solved) ? entry : { ...entry, empty_layer: true };
  });
  return [...state.baseHistory, ...made];
}

function addsLayer(vertex: Vertex<StepResult>, solved: SolvedSteps): boolean {
  const below = vertex.inputs[0];
  const inherited = below === undefined ? 0 : resultOf(below, solved).chain.length;
  return resultOf(vertex, solved).chain.length > inherited;
}

function resultOf(vertex: Vertex<StepResult>, solved: SolvedSteps): StepResult {
  return solved.get(vertex)?.result ?? { chain: [], createdMs: 0 };
}
