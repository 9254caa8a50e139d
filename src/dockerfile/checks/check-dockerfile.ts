import type { Dockerfile } from '../dockerfile.ts';
import type { StageInstruction } from '../instruction.ts';
import { didYouMean } from '../suggestion.ts';
import { baseImage, readTriggers } from './base-image.ts';
import { checkFromCasing, checkInstructionCasing } from './casing.ts';
import type { CheckFacts } from './check-facts.ts';
import { type CheckOptions, noCheckOptions, parseCheckDirective, parseCheckOptions } from './check-options.ts';
import { type CheckLog, type CheckReport, createCheckLog, logAt } from './check-report.ts';
import { createCopiedFileCheck } from './copied-files.ts';
import { checkDescription } from './descriptions.ts';
import { type FromLine, checkDefaultBases, readFromLines } from './from-lines.ts';
import { readGlobalArgs } from './global-args.ts';
import { createNearestName } from './nearest-name.ts';
import { checkContinuations, checkMaintainer } from './old-forms.ts';
import { reachableStages } from './reachable-stages.ts';
import { type StageWalk, checkStageInstruction } from './stage-instructions.ts';
import { checkStageNames } from './stage-names.ts';
import { checkSources } from './stage-sources.ts';
import { type StageState, stateOnImage, stateOnStage } from './stage-state.ts';

/**
 * Checks a Dockerfile as BuildKit's build checks do: the same rules with the same names, found in the same places, said
 * in the same words. Unlike BuildKit it does not stop at the first mistake: `errors` has all that a build would fail
 * with as far as the file alone tells, beginning with those of the language. Where there are any of these, only
 * the checks that look at one instruction by itself are made.
 */
export function checkDockerfile(dockerfile: Dockerfile, facts: CheckFacts): CheckReport {
  const log = createCheckLog(optionsOf(dockerfile, facts));
  checkContinuations(dockerfile, log);
  for (const instruction of dockerfile.metaArgs) checkDescription(instruction, log);
  for (const { from, instructions } of dockerfile.stages) {
    checkFromCasing(from, log);
    checkDescription(from, log);
    instructions.forEach((instruction) => checkOnItsOwn(instruction, log));
  }
  const mistakes = dockerfile.diagnostics.filter(({ severity }) => severity === 'error');
  if (mistakes.length === 0) checkStages(dockerfile, facts, log);
  return log.report(mistakes);
}

function optionsOf({ directives }: Dockerfile, { options }: CheckFacts): CheckOptions {
  const result = options === undefined ? parseCheckDirective(directives.check ?? '') : parseCheckOptions(options);
  return result.kind === 'options' ? result.options : noCheckOptions;
}

function checkOnItsOwn(instruction: StageInstruction, log: CheckLog): void {
  if (instruction.kind === 'arg') checkDescription(instruction, log);
  if (instruction.kind === 'maintainer') checkMaintainer(instruction, log);
}

/** Variables that all stages together take over from those below them; thousands of stages could be built on one another. */
const maxInheritedNames = 1_000_000;

function checkStages(dockerfile: Dockerfile, facts: CheckFacts, log: CheckLog): void {
  checkStageNames(dockerfile, log);
  checkInstructionCasing(dockerfile, log);
  const args = readGlobalArgs(dockerfile, facts, log);
  const nearest = createNearestName();
  const context = { dockerfile, facts, args, log, nearest };
  checkDefaultBases(context);
  const lines = readFromLines(context);
  const wanted = wantedStages(lines, facts, log);
  const checkCopied = createCopiedFileCheck(facts.ignore, log);
  const shared = { args, facts, escape: dockerfile.directives.escape, nearest, checkCopied };
  const states = new Map<FromLine, StageState>();
  let inheritedNames = 0;
  for (const line of lines) {
    if (!wanted.has(line)) continue;
    inheritedNames += (line.baseStage && states.get(line.baseStage)?.env.size) ?? 0;
    if (inheritedNames > maxInheritedNames) break;
    const { state, triggers } = beginStage(line, { states, facts, log });
    states.set(line, state);
    const walk = { ...shared, state, platform: line.platform };
    checkTriggers(triggers, line, { ...walk, log });
    for (const instruction of line.stage.instructions) {
      checkSources(instruction, { line, lines, log });
      checkStageInstruction(instruction, { ...walk, log });
    }
  }
}

function checkTriggers(texts: readonly string[], line: FromLine, walk: StageWalk): void {
  const log = logAt({ instruction: line.stage.from }, walk.log);
  for (const trigger of readTriggers(texts, line, log)) checkStageInstruction(trigger, { ...walk, log });
}

function wantedStages(lines: readonly FromLine[], { targets }: CheckFacts, log: CheckLog): ReadonlySet<FromLine> {
  const wanted = new Set<FromLine>();
  for (const target of targets) {
    const reached = reachableStages(lines, target);
    if (reached === undefined) refuseTarget(target, lines, log);
    for (const line of reached ?? []) wanted.add(line);
  }
  return wanted.size === 0 ? new Set(lines) : wanted;
}

function refuseTarget(target: string, lines: readonly FromLine[], log: CheckLog): void {
  const names = lines.map(({ stage }) => stage.name ?? String(stage.index));
  const message = `target stage ${JSON.stringify(target)} could not be found${didYouMean(target, names)}`;
  const [first] = lines;
  if (first !== undefined) log.refuse(message, { instruction: first.stage.from });
}

interface Beginning {
  readonly states: ReadonlyMap<FromLine, StageState>;
  readonly facts: CheckFacts;
  readonly log: CheckLog;
}

interface BegunStage {
  readonly state: StageState;
  /** What the base has its children do first. */
  readonly triggers: readonly string[];
}

function beginStage(line: FromLine, { states, facts, log }: Beginning): BegunStage {
  const below = line.baseStage && states.get(line.baseStage);
  if (below !== undefined) return { state: stateOnStage(below), triggers: below.triggers };
  const image = baseImage(line, facts, log);
  return { state: stateOnImage(image, line.platform), triggers: image?.triggers ?? [] };
}
