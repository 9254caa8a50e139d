import { createHash } from 'node:crypto';
import { solve, type SolveEvent, type Solved, type Vertex } from '../solver/index.ts';
import { BaseImages } from './base-images.ts';
import { BuildCache } from './build-cache.ts';
import type { BuildOptions, BuildResult } from './build-options.ts';
import type { BuildPorts } from './build-ports.ts';
import { BuildProgress } from './build-progress.ts';
import { openContext, type ContextTree } from './context-tree.ts';
import { readDockerfile } from './dockerfile-source.ts';
import { imageOf } from './image-of-stage.ts';
import { parseNames } from './image-names.ts';
import { reasonText } from './reason-text.ts';
import { StageLowering } from './stage-lowering.ts';
import type { LoweredStage } from './step.ts';
import type { StepResult } from './step-result.ts';

/**
 * Builds an image: reads the Dockerfile, lowers the stages that the target needs, runs what is not known yet, stores the
 * result under its names. A failure names the place in the Dockerfile; the steps that finished before it stay usable.
 */
export async function buildImage(options: BuildOptions, ports: BuildPorts): Promise<BuildResult> {
  const names = parseNames(options.tags);
  const { dockerfile, source, path } = readDockerfile(options);
  const progress = new BuildProgress(options.onEvent, ports.clock);
  for (const each of dockerfile.diagnostics) progress.warning(undefined, each.message);
  using context = new LazyContext(options, path);
  using lowering = new StageLowering({
    dockerfile,
    source,
    build: options,
    ports,
    bases: basesOf(options, ports, progress),
    context: context.open,
    scope: createHash('sha256').update(path).digest('hex').slice(0, 16),
    onOutput: (vertex, stream, bytes) => progress.output(vertex, stream, bytes),
    onWarning: (vertex, message) => progress.warning(vertex, message),
  });
  const target = await lowering.target(options.target);
  if (lowering.unusedArgs.length > 0) {
    progress.warning(undefined, `one or more build-args [${lowering.unusedArgs.join(' ')}] were not consumed`);
  }
  progress.plan(lowering.stages);
  const solved = await solveStage(target, { options, ports, progress });
  const image = imageOf(target, solved, { ...ports, labels: options.labels });
  const stored = ports.images.add(image, { names, holder: ports.holder });
  return { imageId: stored.imageId, manifestDigest: stored.manifestDigest, names: stored.names };
}

function basesOf(options: BuildOptions, ports: BuildPorts, progress: BuildProgress): BaseImages {
  const { images, holder } = ports;
  return new BaseImages({
    images,
    holder,
    alwaysPull: options.pull,
    pull: (reference, name) =>
      progress.internal(`load ${name}`, (onProgress) => ports.pull(reference, { signal: options.signal, onProgress })),
  });
}

interface Solving {
  readonly options: BuildOptions;
  readonly ports: BuildPorts;
  readonly progress: BuildProgress;
}

/** The results of all steps of the stage, by vertex: the history needs each, not only the last. */
async function solveStage(
  target: LoweredStage,
  { options, ports, progress }: Solving,
): Promise<ReadonlyMap<Vertex<StepResult>, Solved<StepResult>>> {
  const { records, layers, locks, holder } = ports;
  await using cache = new BuildCache({ records, layers, locks, holder, signal: options.signal });
  const vertices = [
    target.tip,
    ...target.state.history.flatMap(({ step }) => (step === undefined ? [] : [step.vertex])),
  ];
  const bases = vertices.flatMap((vertex) => vertex.inputs);
  const wanted = [...new Set([...bases, ...vertices])];
  const solved = await solve(wanted, {
    cache,
    jobs: 1,
    signal: options.signal,
    onEvent: (event) => report(event, progress),
  });
  return new Map(wanted.map((vertex, index) => [vertex, solved[index] as Solved<StepResult>]));
}

function report(event: SolveEvent<StepResult>, progress: BuildProgress): void {
  const { vertex } = event;
  switch (event.kind) {
    case 'started':
      return progress.started(vertex, vertex.cache === 'off' ? undefined : reasonText(event.reason));
    case 'cached':
      return progress.cached(vertex);
    case 'finished':
      return progress.finished(vertex);
    case 'failed':
      return progress.failed(vertex, headline(event.error));
    case 'cancelled':
      return progress.cancelled(vertex);
  }
}

/** The whole of it, with its place, stands at the end of the build. */
function headline(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? '';
}

/** The context is opened when something is copied from it: a build without COPY scans nothing. */
class LazyContext implements Disposable {
  readonly #dir: string;
  readonly #dockerfile: string;
  #open: ContextTree | undefined;

  constructor({ contextDir }: BuildOptions, dockerfile: string) {
    this.#dir = contextDir;
    this.#dockerfile = dockerfile;
  }

  readonly open = (): ContextTree => {
    this.#open ??= openContext({ dir: this.#dir, dockerfile: this.#dockerfile });
    return this.#open;
  };

  [Symbol.dispose](): void {
    this.#open?.[Symbol.dispose]();
  }
}
