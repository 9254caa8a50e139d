import { join } from 'node:path';
import {
  checkDockerfile,
  checkRuleNames,
  formatMessage,
  platformArgNames,
  type BaseFacts,
  type CheckFacts,
  type CheckFinding,
  type CheckReport,
  type Diagnostic,
  type Dockerfile,
  type IgnoreRules,
  type PlatformFacts,
  type Span,
} from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { formatPlatform, normalisePlatform, parsePlatform, parseReference, type Platform } from '../../oci/index.ts';
import type { BuildOptions } from '../build-options.ts';
import type { BuildPorts } from '../build-ports.ts';
import { platformArg } from './build-args.ts';
import { excerpt } from './instruction-fault.ts';
import { platformsOf } from '../build-targets.ts';
import type { ContextOptions, ContextPorts } from '../context/build-context.ts';
import { loadDockerfile } from '../context/dockerfile-source.ts';
import { openBuildContext } from '../context/open-build-context.ts';
import { buildRemotes } from '../source/build-remotes.ts';
import { GitAgent } from '../source/git-agent.ts';

/** What decides of the findings of a Dockerfile. */
export type CheckConditions = Pick<BuildOptions, 'buildArgs' | 'targets' | 'platforms'>;

/** Which Dockerfile to check, and under what conditions. */
export type BuildCheckOptions = CheckConditions & ContextOptions & Pick<BuildOptions, 'ssh'>;

type CheckPorts = ContextPorts & Pick<BuildPorts, 'images' | 'platform' | 'areas'>;

/** What the checks may ask: nothing is fetched. */
export interface CheckSources {
  readonly images: Pick<BuildPorts['images'], 'find'>;
  readonly platform: Platform;
  /** The rules by which the context leaves files out, where they are known. */
  readonly ignore?: Pick<IgnoreRules, 'patterns'> | undefined;
}

/** The findings of a build's Dockerfile, ready to be shown. */
export interface CheckedBuild {
  /** The Dockerfile's path, as it was given. */
  readonly name: string;
  readonly text: string;
  readonly findings: readonly (CheckFinding & Excerpt)[];
  /** What the build would fail with. */
  readonly errors: readonly (CheckError & Excerpt)[];
  /** True if the file wants a build to fail because of the findings. */
  readonly failed: boolean;
}

interface CheckError {
  readonly message: string;
  readonly hint?: string;
  readonly instruction: Span;
}

interface Excerpt {
  /** The lines around it, those of the instruction marked. */
  readonly excerpt: string;
}

/**
 * Checks the Dockerfile of a build, and builds nothing. Bases are not fetched: what the store has of them is used, and
 * what it has not is not known. Fault `not-found` if there is no Dockerfile.
 */
export async function checkBuild(options: BuildCheckOptions, ports: CheckPorts): Promise<CheckedBuild> {
  await using agent = new GitAgent({ ...ports, source: options.ssh?.get('default'), signal: options.signal });
  const remotes = buildRemotes({ ...ports, agent, show: (_, fetch) => fetch(() => undefined) });
  using context = await openBuildContext(options, { ...ports, remotes });
  const { dockerfile, source } = loadDockerfile(context.dockerfile);
  const shown = { name: shownName(options, context.dockerfile.name), text: source.text };
  const sources = { ...ports, ignore: context.ignoreRules() };
  const { findings, errors, failed } = checkUnder(options, dockerfile, sources);
  return {
    ...shown,
    findings: findings.map((finding) => Object.assign({ excerpt: excerpt(shown, finding.instruction) }, finding)),
    errors: errors.map((error) => {
      const lines = excerpt(shown, error.instruction, error.span.start);
      return Object.assign({ excerpt: lines }, error, { message: messageOf(error) });
    }),
    failed,
  };
}

function shownName({ context, file }: ContextOptions, found: string): string {
  if (typeof file === 'string') return file;
  return context.kind === 'directory' && file === undefined ? join(context.path, found) : found;
}

/** As BuildKit says it: with the line where the language is broken. */
function messageOf(error: Diagnostic): string {
  return error.rule === 'plan' ? error.message : formatMessage(error);
}

/** The findings under the conditions of a build. */
export function checkUnder(options: CheckConditions, dockerfile: Dockerfile, sources: CheckSources): CheckReport {
  return checkDockerfile(dockerfile, factsOf(options, sources));
}

/**
 * What a build that is about to run has to say of its Dockerfile: each warning of the language, and each finding, in one
 * line. Fault `invalid` if the file wants a build to fail because of its findings.
 */
export function warnOfFindings(
  options: CheckConditions,
  dockerfile: Dockerfile,
  { warn, ...sources }: CheckSources & { readonly warn: (message: string) => void },
): void {
  const { findings, failed } = checkUnder(options, dockerfile, sources);
  for (const { rule, message } of dockerfile.diagnostics) if (!isCheck(rule)) warn(message);
  for (const { rule, message, instruction } of findings) warn(`${rule}: ${message} (line ${instruction.start.line})`);
  if (!failed) return;
  throw new Fault('invalid', `lint violation found for rules: ${distinct(findings.map(({ rule }) => rule))}`, {
    hint: `see ${distinct(findings.map(({ page }) => page))}`,
  });
}

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].join(', ');
}

function isCheck(rule: string): boolean {
  return checkRuleNames.some((name) => name === rule);
}

function factsOf({ buildArgs, targets, platforms }: CheckConditions, sources: CheckSources): CheckFacts {
  const { images, platform: own, ignore } = sources;
  const [platform = own] = platformsOf(platforms, own);
  const argsOf = { platform, buildPlatform: own, target: targets.at(-1) };
  const given = buildArgs.get('BUILDKIT_DOCKERFILE_CHECK');
  return {
    buildArgs,
    platformArgs: new Map(platformArgNames.map((name) => [name, platformArg(name, argsOf) ?? ''])),
    platform: platformFacts(platform),
    targets,
    parsePlatform: (text) => attempt(() => platformFacts(parsePlatform(text, own))),
    imageNameProblem,
    base: (name, { text }) => attempt(() => baseFacts(images, name, parsePlatform(text, own))),
    ...(ignore === undefined ? {} : { ignore }),
    ...(given === undefined ? {} : { options: given }),
  };
}

function platformFacts(platform: Platform): PlatformFacts {
  const { os, architecture } = normalisePlatform(platform);
  return { os, architecture, text: formatPlatform(normalisePlatform(platform)) };
}

function baseFacts(images: CheckSources['images'], name: string, platform: Platform): BaseFacts | undefined {
  const image = images.find(name, { platform }) ?? images.find(name);
  if (image === undefined) return undefined;
  const { Env = [], Shell = [], OnBuild = [] } = image.config.config ?? {};
  return {
    env: new Map(Env.map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)])),
    hasShell: Shell.length > 0,
    triggers: OnBuild,
    platform: platformFacts(image.config),
  };
}

function imageNameProblem(name: string): string | undefined {
  try {
    parseReference(name);
    return undefined;
  } catch (error) {
    if (Fault.is(error)) return error.message;
    throw error;
  }
}

/** What cannot be answered is not known. */
function attempt<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch (error) {
    if (Fault.is(error)) return undefined;
    throw error;
  }
}
