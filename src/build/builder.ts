import type { BuildOptions, BuildResult } from './build-options.ts';
import type { BuildPorts } from './build-ports.ts';
import { BuildProgress } from './build-progress.ts';
import { platformsOf, targetsOf } from './build-targets.ts';
import { exportCaches } from './cache/export-caches.ts';
import type { ImportedCaches } from './cache/imported-caches.ts';
import { inlineCache } from './cache/inline-cache.ts';
import { openCaches, planCaches } from './cache/open-caches.ts';
import type { BuildContext } from './context/build-context.ts';
import { readDockerfile } from './context/dockerfile-source.ts';
import { openBuildContext } from './context/open-build-context.ts';
import { lowerTargets, type Opened, type Work } from './lower-targets.ts';
import { builderArgs } from './lowering/builder-args.ts';
import type { SolvedSteps } from './lowering/image-of-stage.ts';
import type { LoweredStage } from './lowering/step.ts';
import { buildMetadata } from './output/build-metadata.ts';
import { finishTarget, planOutputs, type OutputPlan } from './output/finish-target.ts';
import { solveStages } from './solve-stages.ts';
import { buildRemotes, type BuildRemotesOptions } from './source/build-remotes.ts';
import { GitAgent } from './source/git-agent.ts';

/**
 * Builds images: reads the Dockerfile, lowers the stages that the targets need for each platform, runs what is not known
 * yet, stores the results under their names. A failure names the place in the Dockerfile; the steps that finished before
 * it stay usable.
 */
export async function buildImage(options: BuildOptions, given: BuildPorts): Promise<BuildResult> {
  const { signal } = options;
  await using agent = new GitAgent({ ...given, source: options.ssh?.get('default'), signal });
  using resources = new DisposableStack();
  const progress = new BuildProgress(options.onEvent, given.clock);
  const sharing = planCaches(options, given.caches);
  const imported = await openCaches(sharing, { ports: given, progress, signal });
  const { remotes } = given;
  const shown = buildRemotes({ remotes, agent, show: (what, fetch) => progress.internal(what, fetch) });
  const work: Work = { options, progress, ports: { ...given, fetcher: imported, remotes: shown } };
  const opened = openedWith(resources.use(await loadContext(work, { remotes, agent })), work);
  const outputs = planOutputs(options, opened.targets, { host: given.platform, isMulti: opened.isMulti });
  const stages = await lowerTargets(opened, resources);
  const solved = await solveStages(stages.flat(), { ...work, imported });
  const isInline = sharing.isInline || builderArgs(options.buildArgs).inlineCache;
  const result = await finish(stages, { ...opened, outputs, solved: solved.steps, imported, isInline });
  await exportCaches(sharing, solved, { ports: work.ports, imported, progress, signal });
  return result;
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

function openedWith(context: BuildContext, work: Work): Opened {
  const { options, ports } = work;
  const read = readDockerfile(context.dockerfile);
  const targets = targetsOf(options, read.dockerfile.stages);
  const platforms = platformsOf(options.platforms, ports.platform);
  const isMulti = platforms.length > 1 || builderArgs(options.buildArgs).isMultiPlatform;
  return { ...work, context, read, targets, platforms, isMulti };
}

interface Finishing extends Opened {
  readonly outputs: OutputPlan;
  readonly solved: SolvedSteps;
  readonly imported: ImportedCaches;
  /** The images carry the cache of their steps. */
  readonly isInline: boolean;
}

/** Writes each target to its outputs, one after the other. */
async function finish(stages: readonly (readonly LoweredStage[])[], finishing: Finishing): Promise<BuildResult> {
  const { ports, targets, outputs: plan, solved: steps, imported, isInline } = finishing;
  const finished = [];
  for (const [index, target] of targets.entries()) {
    const own = stages[index] ?? [];
    const carried = isInline ? inlineCache(own, { ...ports, steps, imported }) : [];
    const annotations = [...plan.annotations, ...carried];
    finished.push(await finishTarget(target, own, { ...finishing, outputs: plan.outputs[index] ?? [], annotations }));
  }
  return {
    targets: finished.map(({ result }) => result),
    metadata: buildMetadata(finished.map(({ result: { label }, image }) => ({ label, image }))),
  };
}
