/**
 * From a Dockerfile and a context to an image: lowers the instructions to a graph, runs what is not known yet, says why.
 */
export { applyChanges } from './apply-changes.ts';
export type { BuildEvent, PlannedStep } from './build-event.ts';
export { buildMetadata } from './build-metadata.ts';
export type { BuildMetadata, MetadataTarget } from './build-metadata.ts';
export type { BuildOptions, BuildResult, CacheUse, Entitlement, TargetResult } from './build-options.ts';
export type { BuildOutput } from './build-output.ts';
export type { BuildPorts, PullBaseOptions } from './build-ports.ts';
export { buildImage } from './builder.ts';
export { openContextContents } from './build-context-entries.ts';
export type { ContextContents, ContextEntry } from './build-context-entries.ts';
export { checkBuild } from './check-dockerfile.ts';
export type { CheckedBuild, BuildCheckOptions } from './check-dockerfile.ts';
export { ContainerStepRunner } from './container-step-runner.ts';
export type { ContainerStepRunnerOptions, StepMachine } from './container-step-runner.ts';
export type { FinishedPlatform, FinishedTarget, OutputPorts, WrittenImage } from './finished-target.ts';
export { parseAnnotation } from './output-annotations.ts';
export type { Annotation } from './output-annotations.ts';
export { parseOutput } from './parse-output.ts';
export type { LayoutPlace } from './named-context.ts';
export type { StepCommand, StepOutcome, StepRunner, StepRunOptions } from './step-runner.ts';
export type { ExtraHost, RunSettings } from './run-settings.ts';
export type { SecretSource } from './secret-source.ts';
export type { SshSource } from './ssh-source.ts';
export { writeOutputs } from './write-outputs.ts';
