import { createHash } from 'node:crypto';
import { formatPlatform, type Platform } from '../oci/index.ts';
import { BaseImages } from './lowering/base-images.ts';
import type { BuildContext } from './context/build-context.ts';
import type { BuildOptions, BuildResult } from './build-options.ts';
import type { BuildPorts } from './build-ports.ts';
import { BuildProgress } from './build-progress.ts';
import { platformsOf, targetsOf, type Target } from './build-targets.ts';
import { exportCaches } from './cache/export-caches.ts';
import { inlineCache } from './cache/inline-cache.ts';
import { openCaches, planCaches } from './cache/open-caches.ts';
import { buildMetadata } from './output/build-metadata.ts';
import { builderArgs } from './lowering/builder-args.ts';
import { cacheRules, type CacheRules } from './lowering/cache-rules.ts';
import { warnOfFindings } from './lowering/check-dockerfile.ts';
import { readDockerfile, type ReadDockerfile } from './context/dockerfile-source.ts';
import { finishTarget, planOutputs } from './output/finish-target.ts';
import { NamedContexts } from './context/named-contexts.ts';
import { openBuildContext } from './context/open-build-context.ts';
import { amountOf, buildRemotes, type BuildRemotesOptions } from './source/build-remotes.ts';
import { GitAgent } from './source/git-agent.ts';
import { StageLowering } from './lowering/stage-lowering.ts';
import type { LoweredStage } from './lowering/step.ts';
import { solveStages } from './solve-stages.ts';

/**
 * Builds images: reads the Dockerfile, lowers the stages that the targets need for each platform, runs what is not known
 * yet, stores the results under their names. A failure names the place in the Dockerfile; the steps that finished before
 * it stay usable.
 */
export async function buildImage(options: BuildOptions, given: BuildPorts): Promise<BuildResult> {
  await using agent = new GitAgent({ ...given, source: options.ssh?.get('default'), signal: options.signal });
  using resources = new DisposableStack();
  const progress = new BuildProgress(options.onEvent, given.clock);
  const { remotes } = given;
  const sharing = planCaches(options, given.caches);
  const imported = await openCaches(sharing, { ports: given, progress, signal: options.signal });
  const ports = {
    ...given,
    fetcher: imported,
    remotes: buildRemotes({ remotes, agent, show: (what, fetch) => progress.internal(what, fetch) }),
  };
  const context = resources.use(await loadContext({ options, ports, progress }, { remotes, agent }));
  const read = readDockerfile(context.dockerfile);
  const targets = targetsOf(options, read.dockerfile.stages);
  const platforms = platformsOf(options.platforms, ports.platform);
  const { isMultiPlatform, inlineCache: isCacheInline } = builderArgs(options.buildArgs);
  const isMulti = platforms.length > 1 || isMultiPlatform;
  const plan = planOutputs(options, targets, { host: ports.platform, isMulti });
  const rules = cacheRules(
    options.cache,
    read.dockerfile.stages,
    targets.map(({ stage }) => stage),
  );
  const bases = basesOf({ options, ports, progress });
  const named = resources.use(namedContexts(bases, { options, ports, progress }));
  const building = { options, ports, progress, read, context, named, bases, rules, resources };
  const lowerings = platforms.map((platform) => loweringFor(platform, building));
  const stages = await lowerAll(lowerings, targets);
  warnOfFindings(options, read.dockerfile, {
    ...ports,
    ignore: context.ignoreRules(),
    warn: (message) => progress.warning(undefined, message),
  });
  rules.requireMet();
  warnOfUnusedArgs(lowerings, progress);
  progress.plan(
    lowerings.flatMap(({ stages: each }) => each),
    { namePlatforms: isMulti },
  );
  const solved = await solveStages(stages.flat(), { ...building, imported });
  const { steps } = solved;
  const finishing = { options, ports, progress, solved: steps, isMulti };
  const finished = [];
  for (const [index, target] of targets.entries()) {
    const outputs = plan.outputs[index] ?? [];
    const own = stages[index] ?? [];
    const carried = isCacheInline || sharing.isInline ? inlineCache(own, { ...ports, steps, imported }) : [];
    const annotations = [...plan.annotations, ...carried];
    finished.push(await finishTarget(target, own, { ...finishing, outputs, annotations }));
  }
  await exportCaches(sharing, solved, { ports, imported, progress, signal: options.signal });
  return {
    targets: finished.map(({ result }) => result),
    metadata: buildMetadata(finished.map(({ result: { label }, image }) => ({ label, image }))),
  };
}

/** What does not lie here as files comes in a step of its own, which shows what is fetched for it. */
function loadContext(
  { options, ports, progress }: Work,
  sources: Pick<BuildRemotesOptions, 'remotes' | 'agent'>,
): Promise<BuildContext> {
  if (options.context.kind === 'directory') return openBuildContext(options, ports);
  return progress.internal('load build context', (report) =>
    openBuildContext(options, { ...ports, remotes: buildRemotes({ ...sources, show: (_, fetch) => fetch(report) }) }),
  );
}

interface Work {
  readonly options: BuildOptions;
  readonly ports: BuildPorts;
  readonly progress: BuildProgress;
}

interface Building extends Work {
  readonly read: ReadDockerfile;
  readonly context: BuildContext;
  readonly named: NamedContexts;
  readonly bases: BaseImages;
  readonly rules: CacheRules;
  /** What is closed when the build is over. */
  readonly resources: DisposableStack;
}

function loweringFor(platform: Platform, building: Building): StageLowering {
  const { options, ports, progress, read, context, named, bases, rules, resources } = building;
  const { dockerfile, source } = read;
  return resources.use(
    new StageLowering({
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
    }),
  );
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
