import type { Dockerfile, Stage } from '../dockerfile.ts';
import { expandWord, type Expansion } from '../expand.ts';
import type { Word } from '../position.ts';
import type { CheckFacts, PlatformFacts } from './check-facts.ts';
import type { CheckLog } from './check-report.ts';
import type { GlobalArgs } from './global-args.ts';
import type { NearestName } from './nearest-name.ts';

/** What a FROM comes to when its variables have values. */
export interface FromLine {
  readonly stage: Stage;
  /** The name of an image, or `scratch`; undefined where the base is an earlier stage or makes no sense. */
  readonly base: string | undefined;
  readonly baseStage: FromLine | undefined;
  readonly platform: PlatformFacts;
}

interface FromContext {
  readonly dockerfile: Dockerfile;
  readonly facts: CheckFacts;
  readonly args: GlobalArgs;
  readonly log: CheckLog;
  readonly nearest: NearestName;
}

/** InvalidDefaultArgInFrom: without `--build-arg` no image could be named so. */
export function checkDefaultBases({ dockerfile, facts, args, log }: FromContext): void {
  const options = { env: (name: string) => args.defaults.get(name), escape: dockerfile.directives.escape };
  for (const { base, from } of dockerfile.stages) {
    const result = expandWord(base.text, options);
    if (result.kind === 'failed' || facts.imageNameProblem(result.value) === undefined) continue;
    const message = `Default value for ARG ${base.text} results in empty or invalid base image name`;
    log.find('InvalidDefaultArgInFrom', message, { instruction: from, word: base });
  }
}

/** UndefinedArgInFrom, RedundantTargetPlatform and FromPlatformFlagConstDisallowed, and what each FROM stands for. */
export function readFromLines(context: FromContext): readonly FromLine[] {
  const lines: FromLine[] = [];
  const named = new Map<string, FromLine>();
  for (const stage of context.dockerfile.stages) {
    const base = expandFrom(stage, stage.base, context)?.value;
    const baseStage = base === undefined ? undefined : named.get(base.toLowerCase());
    const platform = readPlatform(stage, context) ?? baseStage?.platform ?? context.facts.platform;
    const line = { stage, base: isUsable(stage, base, { context, baseStage }) ? base : undefined, baseStage, platform };
    lines.push(line);
    if (stage.name !== undefined) named.set(stage.name, line);
  }
  return lines;
}

interface BaseContext {
  readonly context: FromContext;
  readonly baseStage: FromLine | undefined;
}

function isUsable(stage: Stage, base: string | undefined, { context, baseStage }: BaseContext): boolean {
  if (base === undefined || baseStage !== undefined) return false;
  const place = { instruction: stage.from, word: stage.base };
  if (base === '') context.log.refuse(`base name (${stage.base.text}) should not be blank`, place);
  else if (base !== 'scratch') {
    const problem = context.facts.imageNameProblem(base);
    if (problem === undefined) return true;
    context.log.refuse(problem, place);
  }
  return base === 'scratch';
}

function readPlatform(stage: Stage, context: FromContext): PlatformFacts | undefined {
  const word = stage.platform;
  const expansion = word && expandFrom(stage, word, context);
  if (word === undefined || expansion === undefined) return undefined;
  const { facts, log } = context;
  const place = { instruction: stage.from, word };
  const { value } = expansion;
  if (value === '') {
    const shown = `empty platform value from expression ${word.text}`;
    log.refuse(shown + meantInstead(expansion.unset, context), place);
    return undefined;
  }
  checkRedundant(stage, expansion, context);
  const platform = facts.parsePlatform(value);
  if (platform === undefined) log.refuse(`failed to parse platform ${word.text}`, place);
  else if (expansion.used.size + expansion.unset.size === 0) checkConstant(stage, { value, platform }, log);
  return platform;
}

type Expanded = Extract<Expansion, { readonly kind: 'expanded' }>;

function expandFrom(stage: Stage, word: Word, context: FromContext): Expanded | undefined {
  const { args, dockerfile, log } = context;
  const result = expandWord(word.text, {
    env: (name) => args.values.get(name),
    escape: dockerfile.directives.escape,
  });
  const place = { instruction: stage.from, word };
  for (const name of result.unset) {
    if (args.names.has(name)) continue;
    const message = `FROM argument '${name}' is not declared${meantInstead([name], context)}`;
    log.find('UndefinedArgInFrom', message, place);
  }
  if (result.kind === 'expanded') return result;
  log.refuse(result.message, place);
  return undefined;
}

function meantInstead(names: Iterable<string>, { args, nearest }: FromContext): string {
  for (const name of names) {
    const match = nearest(name, args.names);
    if (match !== undefined) return ` (did you mean ${match}?)`;
  }
  return '';
}

function checkRedundant({ from, platform: word }: Stage, expansion: Expanded, { args, log }: FromContext): void {
  const { used, unset, value } = expansion;
  if (used.size !== 1 || !used.has('TARGETPLATFORM') || unset.size > 0) return;
  if (value !== args.values.get('TARGETPLATFORM')) return;
  const message = `Setting platform to predefined ${word?.text} in FROM is redundant as this is the default behavior`;
  log.find('RedundantTargetPlatform', message, { instruction: from, word });
}

interface ConstantPlatform {
  readonly value: string;
  readonly platform: PlatformFacts;
}

/** A stage that has the platform in its name is meant for it. */
function checkConstant({ name = '', from, platform: word }: Stage, constant: ConstantPlatform, log: CheckLog): void {
  const { value, platform } = constant;
  if (name.includes(platform.os) || name.includes(platform.architecture)) return;
  const message = `FROM --platform flag should not use constant value ${JSON.stringify(value)}`;
  log.find('FromPlatformFlagConstDisallowed', message, { instruction: from, word });
}
