/**
 * From a Dockerfile and a context to an image: lowers the instructions to a graph, runs what is not known yet, says why.
 */
export type { BuildEvent, PlannedStep } from './build-event.ts';
export type { BuildOptions, BuildResult } from './build-options.ts';
