import { join } from 'node:path';
import { Fault } from '../../errors/index.ts';
import type { Platform } from '../../oci/index.ts';
import type { BuildOptions, TargetResult } from '../build-options.ts';
import type { BuildOutput } from './build-output.ts';
import type { BuildPorts } from '../build-ports.ts';
import type { BuildProgress } from '../build-progress.ts';
import type { Target } from '../build-targets.ts';
import type { FinishedTarget, WrittenImage } from './finished-target.ts';
import { imageOf, type SolvedSteps } from '../lowering/image-of-stage.ts';
import { parseAnnotation, type Annotation } from './output-annotations.ts';
import { parseOutput } from './parse-output.ts';
import type { LoweredStage } from '../lowering/step.ts';
import { checkOutputs, writeOutputs } from './write-outputs.ts';

/** Where results go, read and checked before anything is built. */
export interface OutputPlan {
  /** For each target, in their order. */
  readonly outputs: readonly (readonly BuildOutput[])[];
  readonly annotations: readonly Annotation[];
}

/**
 * Reads `--output` and `--annotation`; without an output each target becomes an image of this store. Of several targets,
 * each tree gets a folder of its own. Fault `invalid` for what cannot be meant.
 */
export function planOutputs(
  options: BuildOptions,
  targets: readonly Target[],
  { host, isMulti }: { readonly host: Platform; readonly isMulti: boolean },
): OutputPlan {
  const asked = options.outputs.map((text) => parseOutput(text, host));
  const outputs: readonly BuildOutput[] = asked.length > 0 ? asked : [{ kind: 'image', names: [], annotations: [] }];
  if (options.stdout === undefined && outputs.some(goesToStdout)) {
    throw new Fault('invalid', 'refusing to write the output of a build to a terminal', {
      hint: 'name a file with dest=FILE, or redirect standard output',
    });
  }
  const annotations = options.annotations.flatMap((text) => parseAnnotation(text, host));
  checkOutputs(outputs, { isMulti, annotations });
  if (targets.length === 1) return { outputs: [outputs], annotations };
  return { outputs: targets.map((target) => outputs.map((output) => outputFor(output, target))), annotations };
}

function goesToStdout(output: BuildOutput): boolean {
  return 'dest' in output && output.dest === '-';
}

function outputFor(output: BuildOutput, { stage }: Target): BuildOutput {
  if (output.kind === 'local') return { ...output, dest: join(output.dest, stage.name ?? String(stage.index)) };
  if (!('dest' in output) || output.dest === undefined) return output;
  throw new Fault('invalid', `output of type ${output.kind}: several targets cannot be written to ${output.dest}`, {
    hint: 'build them one by one, or write their trees with type=local',
  });
}

export interface Finishing {
  readonly options: BuildOptions;
  readonly ports: BuildPorts;
  readonly progress: BuildProgress;
  readonly solved: SolvedSteps;
  readonly annotations: readonly Annotation[];
  /** See `FinishedTarget`. */
  readonly isMulti: boolean;
}

/** Writes what a target came to, to its outputs. `stages`: the target's stage on each platform. */
export async function finishTarget(
  { names }: Target,
  stages: readonly LoweredStage[],
  {
    outputs,
    options,
    ports,
    progress,
    solved,
    annotations,
    isMulti,
  }: Finishing & { readonly outputs: readonly BuildOutput[] },
): Promise<{ readonly result: TargetResult; readonly image: WrittenImage | undefined }> {
  const { clock, images, blobs, layers, holder, platform } = ports;
  const { labels, sourceDateEpochSec: epochSec, signal, stdout = unwritten } = options;
  const target: FinishedTarget = {
    platforms: stages.map((stage) => ({
      platform: stage.state.platform,
      config: imageOf(stage, solved, { clock, labels, epochSec }),
    })),
    isMulti,
    names,
    annotations,
  };
  const onWarning = (message: string): void => progress.warning(undefined, message);
  const write = (): ReturnType<typeof writeOutputs> =>
    writeOutputs(outputs, target, { images, blobs, layers, holder, platform, stdout, signal, onWarning });
  const isQuick = outputs.every(({ kind }) => kind === 'image');
  const [image] = isQuick ? await write() : await progress.internal(`export ${kindsOf(outputs)}`, write);
  const label = stages[0]?.label ?? '';
  if (image === undefined) return { result: { label, names: [] }, image };
  const { names: given, imageId, descriptor } = image;
  return { result: { label, names: given, imageId, manifestDigest: descriptor.digest }, image };
}

function kindsOf(outputs: readonly BuildOutput[]): string {
  return outputs.map(({ kind }) => kind).join(', ');
}

function unwritten(): Promise<void> {
  return Promise.reject(new Fault('internal', 'write to standard output: nobody takes it'));
}
