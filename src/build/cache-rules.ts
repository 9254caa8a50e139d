import type { Stage } from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import type { CacheUse } from './build-options.ts';
import { stageNamed } from './stage-named.ts';

/** Which steps may be reused. */
export interface CacheRules {
  /** `step`: as progress counts the steps of a stage, FROM being 1. */
  allow(stage: Stage, step: number): boolean;
}

/** Fault `invalid` for a stage or a step that does not exist. */
export function cacheRules(use: CacheUse, stages: readonly Stage[], targets: readonly Stage[]): CacheRules {
  const offStages = new Set(use.offForStages.map((name) => mustFind(stages, name, '--no-cache-filter')));
  const offSteps = use.offForSteps.flatMap((text) => stepsFrom(text, stages, targets));
  return {
    allow: (stage, step) =>
      !use.off && !offStages.has(stage) && !offSteps.some((each) => each.stage === stage && each.step === step),
  };
}

interface StepPlace {
  readonly stage: Stage;
  readonly step: number;
}

function stepsFrom(text: string, stages: readonly Stage[], targets: readonly Stage[]): readonly StepPlace[] {
  const [, name, number] = /^(?:(.+):)?(\d+)$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) {
    throw new Fault('invalid', `--no-cache-step ${JSON.stringify(text)}: expected N or STAGE:N`, {
      hint: 'N is the number that progress shows before the slash, as in [build 3/5]',
    });
  }
  const chosen = name === undefined ? targets : [mustFind(stages, name, '--no-cache-step')];
  return chosen.map((stage) => ({ stage, step: Number(number) }));
}

function mustFind(stages: readonly Stage[], name: string, flag: string): Stage {
  const stage = stageNamed(stages, name);
  if (stage !== undefined) return stage;
  throw new Fault('invalid', `${flag}: there is no stage ${JSON.stringify(name)}`, { hint: stagesHint(stages) });
}

/** For messages about a stage that is not there. */
export function stagesHint(stages: readonly Stage[]): string {
  return `the stages are ${stages.map((each) => each.name ?? String(each.index)).join(', ')}`;
}
