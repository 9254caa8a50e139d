import { resolve } from 'node:path';
import {
  checkDockerfile,
  platformArgNames,
  type BaseFacts,
  type CheckFacts,
  type CheckReport,
  type PlatformFacts,
} from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import { formatPlatform, normalisePlatform, parsePlatform, parseReference, type Platform } from '../oci/index.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildPorts } from './build-ports.ts';
import { platformArg } from './build-args.ts';
import { platformsOf } from './build-targets.ts';
import { readIgnoreRules } from './context-tree.ts';
import { loadDockerfile, type ReadDockerfile } from './dockerfile-source.ts';
import type { DockerfileSource } from './instruction-fault.ts';

/** What decides of the findings of a build's Dockerfile. */
export type CheckOptions = Pick<BuildOptions, 'contextDir' | 'file' | 'buildArgs' | 'targets' | 'platforms'>;

type CheckPorts = Pick<BuildPorts, 'images' | 'platform'>;

export interface CheckedBuild {
  readonly source: DockerfileSource;
  readonly report: CheckReport;
}

/**
 * Checks the Dockerfile of a build, and builds nothing. Bases are not fetched: what the store has of them is used, and
 * what it has not is not known. Fault `not-found` if there is no Dockerfile.
 */
export function checkBuild(options: CheckOptions, ports: CheckPorts): CheckedBuild {
  const read = loadDockerfile(options);
  return { source: read.source, report: checkRead(read, options, ports) };
}

/** As `checkBuild`, for a Dockerfile that is read already. */
export function checkRead(read: ReadDockerfile, options: CheckOptions, ports: CheckPorts): CheckReport {
  return checkDockerfile(read.dockerfile, factsOf(read, options, ports));
}

export interface Checking extends CheckPorts {
  readonly warn: (message: string) => void;
}

/**
 * The checks of a build that is about to run: says each finding in one line. Fault `invalid` if the file wants a build
 * to fail because of them.
 */
export function warnOfFindings(read: ReadDockerfile, options: CheckOptions, { warn, ...ports }: Checking): void {
  const { findings, failed } = checkRead(read, options, ports);
  for (const { rule, message, instruction } of findings) warn(`${rule}: ${message} (line ${instruction.start.line})`);
  if (!failed) return;
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  throw new Fault('invalid', `lint violation found for rules: ${rules.join(', ')}`, {
    hint: `see ${[...new Set(findings.map(({ page }) => page))].join(', ')}`,
  });
}

function factsOf({ path }: ReadDockerfile, options: CheckOptions, { images, platform: own }: CheckPorts): CheckFacts {
  const { buildArgs, contextDir, targets, platforms } = options;
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
    ignore: readIgnoreRules({ dir: resolve(contextDir), dockerfile: path }),
    ...(given === undefined ? {} : { options: given }),
  };
}

function platformFacts(platform: Platform): PlatformFacts {
  const { os, architecture } = normalisePlatform(platform);
  return { os, architecture, text: formatPlatform(normalisePlatform(platform)) };
}

function baseFacts(images: CheckPorts['images'], name: string, platform: Platform): BaseFacts | undefined {
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
