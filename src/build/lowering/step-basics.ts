import type { InstructionBase } from '../../dockerfile/index.ts';
import type { Vertex } from '../../solver/index.ts';
import type { BuildPorts } from '../build-ports.ts';
import type { DockerfileSource } from './instruction-fault.ts';
import type { StepResult } from '../step-result.ts';

/** What every step of a stage is made of. */
export interface StepBasics {
  readonly source: DockerfileSource;
  readonly instruction: InstructionBase;
  /** What it stands on. */
  readonly base: Vertex<StepResult>;
  readonly slot: string;
  readonly cache: Vertex<StepResult>['cache'];
  readonly ports: BuildPorts;
}
