/**
 * From a Dockerfile and a context to an image: lowers the instructions to a graph, runs what is not known yet, says why.
 *
 * `builder.ts` is the way through: `context/` opens what is built from, `lowering/` turns stages into steps, `source/` is
 * what can be copied from, `copy/` and `run/` do the steps, `output/` writes what came of them.
 */
export { applyChanges } from './lowering/apply-changes.ts';
export type { BuildEvent, PlannedStep } from './build-event.ts';
export { buildMetadata } from './output/build-metadata.ts';
export type { BuildMetadata, MetadataTarget } from './output/build-metadata.ts';
export type { BuildOptions, BuildResult, CacheUse, Entitlement, TargetResult } from './build-options.ts';
export type { BuildOutput } from './output/build-output.ts';
export type { BuildPorts, PullBaseOptions } from './build-ports.ts';
export { buildImage } from './builder.ts';
export { openContextContents } from './context/build-context-entries.ts';
export type { ContextContents, ContextEntry } from './context/build-context-entries.ts';
export type { CacheCompression, CachePlace } from './cache/cache-place.ts';
export type { LayerFetcher, SharedCache, SharedCacheContent, SharedCaches } from './cache/shared-caches.ts';
export { maxRecordsBytes } from './cache/shared-entry.ts';
export { checkBuild } from './lowering/check-dockerfile.ts';
export type { CheckedBuild, BuildCheckOptions } from './lowering/check-dockerfile.ts';
export { ContainerStepRunner } from './run/container-step-runner.ts';
export type { ContainerStepRunnerOptions, StepMachine } from './run/container-step-runner.ts';
export type { FinishedPlatform, FinishedTarget, OutputPorts, WrittenImage } from './output/finished-target.ts';
export { parseAnnotation } from './output/output-annotations.ts';
export type { Annotation } from './output/output-annotations.ts';
export { parseOutput } from './output/parse-output.ts';
export type { LayoutPlace } from './context/named-context.ts';
export type { StepCommand, StepOutcome, StepRunner, StepRunOptions } from './run/step-runner.ts';
export type { ExtraHost, RunSettings } from './run/run-settings.ts';
export type { SecretSource } from './run/secret-source.ts';
export type { SshSource } from './run/ssh-source.ts';
export { writeOutputs } from './output/write-outputs.ts';
