import type { Stage } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import type { CacheUse } from '../build-options.ts';
import { stageNamed } from './stage-named.ts';

/** Which steps may be reused. */
export interface CacheRules {
  /** `step`: as progress counts the steps of a stage, FROM being 1. */
  allow(stage: Stage, step: number): boolean;
  /** To be asked when all steps were. Fault `invalid` for a step that was named and is none. */
  requireMet(): void;
}

/** Fault `invalid` for a stage or a step that does not exist. */
export function cacheRules(use: CacheUse, stages: readonly Stage[], targets: readonly Stage[]): CacheRules {
  const offStages = new Set(use.offForStages.map((name) => mustFind(stages, name, '--no-cache-filter')));
  const offSteps = use.offForSteps.flatMap((text) => stepsFrom(text, stages, targets));
  const met = new Set<StepPlace>();
  return {
    allow: (stage, step) => {
      const named = offSteps.find((each) => each.stage === stage && each.step === step);
      if (named !== undefined) met.add(named);
      return !use.off && !offStages.has(stage) && named === undefined;
    },
    requireMet: () => {
      const unmet = offSteps.find((each) => !met.has(each));
      if (unmet === undefined) return;
      throw new Fault('invalid', `--no-cache-step ${unmet.text}: the build has no such step that could be reused`, {
        hint: 'N is the number that progress shows before the slash, as in [build 3/5]; FROM is 1 and is never reused',
      });
    },
  };
}

interface StepPlace {
  readonly text: string;
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
  return chosen.map((stage) => ({ text, stage, step: Number(number) }));
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
