import type { Stage } from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import { parsePlatform, samePlatform, type Platform, type Reference } from '../oci/index.ts';
import type { BuildOptions } from './build-options.ts';
import { stagesHint } from './lowering/cache-rules.ts';
import { parseNames } from './image-names.ts';
import { stageNamed } from './lowering/stage-named.ts';

/** A stage that is asked for, and the names that its image gets. */
export interface Target {
  readonly stage: Stage;
  /** As it was asked for; undefined where the last stage is meant. */
  readonly asked: string | undefined;
  readonly names: readonly Reference[];
}

/** What to build. Fault `invalid` for a stage that does not exist, or a name that cannot be one. */
export function targetsOf(
  { targets, tags }: Pick<BuildOptions, 'targets' | 'tags'>,
  stages: readonly Stage[],
): readonly Target[] {
  const asked = targets.length === 0 ? [undefined] : [...new Set(targets)];
  const own = asked.map((target) => tags.flatMap((tag) => ownTag(tag, target, asked.length)));
  const common = asked.length === 1 ? [] : tags.filter((tag) => !isOwn(tag, targets));
  return asked.map((target, index) => {
    const last = index === asked.length - 1;
    const names = parseNames([...(own[index] ?? []), ...(last ? common : [])]);
    return { stage: stageOf(target, stages), asked: target, names };
  });
}

/** The platforms to build for, each once; this machine's where none is named. */
export function platformsOf(texts: readonly string[], own: Platform): readonly Platform[] {
  const named = texts.flatMap((text) => text.split(',')).map((text) => parsePlatform(text.trim(), own));
  const distinct = named.filter((each, index) => named.findIndex((other) => samePlatform(each, other)) === index);
  return distinct.length === 0 ? [own] : distinct.map((each) => (samePlatform(each, own) ? own : each));
}

function ownTag(tag: string, target: string | undefined, count: number): readonly string[] {
  if (count === 1) return [tag];
  return target !== undefined && tag.startsWith(`${target}=`) ? [tag.slice(target.length + 1)] : [];
}

function isOwn(tag: string, targets: readonly string[]): boolean {
  return targets.some((target) => tag.startsWith(`${target}=`));
}

function stageOf(target: string | undefined, stages: readonly Stage[]): Stage {
  const stage = target === undefined ? stages.at(-1) : stageNamed(stages, target);
  if (stage !== undefined) return stage;
  throw new Fault('invalid', `target stage ${JSON.stringify(target)} could not be found`, { hint: stagesHint(stages) });
}
