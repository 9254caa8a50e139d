import { createHash } from 'node:crypto';
import { formatPlatform, type Platform } from '../oci/index.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildPorts } from './build-ports.ts';
import type { BuildProgress } from './build-progress.ts';
import type { Target } from './build-targets.ts';
import type { BuildContext } from './context/build-context.ts';
import type { ReadDockerfile } from './context/dockerfile-source.ts';
import { NamedContexts } from './context/named-contexts.ts';
import { BaseImages } from './lowering/base-images.ts';
import { cacheRules, type CacheRules } from './lowering/cache-rules.ts';
import { warnOfFindings } from './lowering/check-dockerfile.ts';
import { StageLowering } from './lowering/stage-lowering.ts';
import type { LoweredStage } from './lowering/step.ts';
import { amountOf } from './source/build-remotes.ts';

/** A build under way: what was asked for, what it has to work with, whom it tells. */
export interface Work {
  readonly options: BuildOptions;
  readonly ports: BuildPorts;
  readonly progress: BuildProgress;
}

/** What is built from, and what it is to become. */
export interface Opened extends Work {
  readonly context: BuildContext;
  readonly read: ReadDockerfile;
  readonly targets: readonly Target[];
  readonly platforms: readonly Platform[];
  /** True if the result is an index, be it for one platform. */
  readonly isMulti: boolean;
}

/**
 * Lowers what the targets need, for each platform, and says beforehand what can be said: the findings of the checks, the
 * steps to come. For each target its stage on each platform; they are good until `resources` is disposed of.
 */
export async function lowerTargets(
  opened: Opened,
  resources: DisposableStack,
): Promise<readonly (readonly LoweredStage[])[]> {
  const { options, ports, progress, read, context, targets, platforms, isMulti } = opened;
  const { stages } = read.dockerfile;
  const wanted = targets.map(({ stage }) => stage);
  const rules = cacheRules(options.cache, stages, wanted);
  const bases = basesOf(opened);
  const named = resources.use(namedContexts(bases, opened));
  const lowering = { ...opened, bases, named, rules };
  const lowerings = platforms.map((platform) => resources.use(loweringFor(platform, lowering)));
  const lowered = await lowerAll(lowerings, targets);
  const ignore = context.ignoreRules();
  const warn = (message: string): void => progress.warning(undefined, message);
  warnOfFindings(options, read.dockerfile, { ...ports, ignore, warn });
  rules.requireMet();
  warnOfUnusedArgs(lowerings, progress);
  const planned = lowerings.flatMap((each) => each.stages);
  progress.plan(planned, { namePlatforms: isMulti });
  return lowered;
}

interface Lowering extends Opened {
  readonly bases: BaseImages;
  readonly named: NamedContexts;
  readonly rules: CacheRules;
}

function loweringFor(platform: Platform, lowering: Lowering): StageLowering {
  const { options, ports, progress, read, context, named, bases, rules } = lowering;
  const { dockerfile, source } = read;
  return new StageLowering({
    dockerfile,
    source,
    build: options,
    ports,
    platform,
    bases,
    named,
    cacheRules: rules,
    context: context.files,
    scope: createHash('sha256').update(context.dockerfile.identity).digest('hex').slice(0, 16),
    onOutput: (vertex, bytes) => progress.output(vertex, bytes),
    onPacking: (vertex, doneBytes) => progress.packing(vertex, doneBytes),
    onWarning: (vertex, message) => progress.warning(vertex, message),
  });
}

function basesOf({ options, ports, progress }: Work): BaseImages {
  const { images, holder } = ports;
  return new BaseImages({
    images,
    holder,
    alwaysPull: options.pull,
    pull: (reference, { name, platform }) =>
      progress.internal(`load ${name}`, (report) =>
        ports.pull(reference, { platform, signal: options.signal, onProgress: (bytes) => report(amountOf(bytes)) }),
      ),
    onOtherPlatform: (name, expected, found) =>
      progress.warning(
        undefined,
        `base image ${name} is for ${formatPlatform(found)}, expected was ${formatPlatform(expected)}`,
      ),
  });
}

function namedContexts(images: BaseImages, { options, ports, progress }: Work): NamedContexts {
  const { signal } = options;
  return new NamedContexts(options.contexts, {
    ports,
    images,
    pullLayout: (place, platform) =>
      progress.internal(`load ${place.path}`, (report) =>
        ports.pullLayout(place, { platform, signal, onProgress: (bytes) => report(amountOf(bytes)) }),
      ),
    signal,
  });
}

/** For each target its stage on each platform. One after the other: what they have in common is looked up once. */
async function lowerAll(
  lowerings: readonly StageLowering[],
  targets: readonly Target[],
): Promise<readonly (readonly LoweredStage[])[]> {
  const stages: LoweredStage[][] = [];
  for (const { stage } of targets) {
    const lowered: LoweredStage[] = [];
    for (const lowering of lowerings) lowered.push(await lowering.target(stage));
    stages.push(lowered);
  }
  return stages;
}

function warnOfUnusedArgs(lowerings: readonly StageLowering[], progress: BuildProgress): void {
  const [unused = [], ...others] = lowerings.map(({ unusedArgs }) => unusedArgs);
  const everywhere = unused.filter((name) => others.every((names) => names.includes(name)));
  if (everywhere.length === 0) return;
  progress.warning(undefined, `one or more build-args [${everywhere.join(' ')}] were not consumed`);
}
