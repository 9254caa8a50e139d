import type { InstructionBase, Stage, StageInstruction } from '../../dockerfile/index.ts';
import type { Platform } from '../../oci/index.ts';
import type { Vertex } from '../../solver/index.ts';
import type { BuildArgs } from './build-args.ts';
import type { BuildOptions } from '../build-options.ts';
import type { Expander } from './expander.ts';
import type { DockerfileSource } from './instruction-fault.ts';
import type { OpenSource } from '../source/source-tree.ts';
import type { StageDraft } from './stage-draft.ts';
import type { StepBasics } from './step-basics.ts';
import type { StepResult } from '../step-result.ts';

/** What is told while steps run. */
export interface StepListener {
  readonly onOutput: (vertex: Vertex<StepResult>, bytes: Uint8Array) => void;
  readonly onPacking?: ((vertex: Vertex<StepResult>, doneBytes: number) => void) | undefined;
  readonly onWarning: (vertex: Vertex<StepResult> | undefined, message: string) => void;
}

/** Something to take files from: the tree of a stage or an image, or one that is opened when a step needs it. */
export type Origin = Vertex<StepResult> | OpenSource;

/** A stage whose instructions are being lowered one by one, and what they may ask for meanwhile. */
export interface StageScope extends StepListener {
  readonly stage: Stage;
  readonly draft: StageDraft;
  readonly build: BuildOptions;
  readonly source: DockerfileSource;
  readonly args: BuildArgs;
  /** What the stage is built for. */
  readonly platform: Platform;
  /** The build context. */
  readonly context: OpenSource;

  /** Expands with the variables as they are before the instruction. */
  expander(instruction: InstructionBase): Expander;

  /** What a step of this instruction begins with. To be called once for each step. */
  basics(instruction: StageInstruction): StepBasics;

  /** What `--from=name` and `from=name` mean: a stage by name or number, a named context, or an image. */
  origin(instruction: InstructionBase, name: string): Promise<Origin>;

  /** Disposes of it when the build is over, however it ends. */
  keep<T extends Disposable>(kept: T): T;
}
