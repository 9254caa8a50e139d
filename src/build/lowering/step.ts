import type { ContainerConfig, History, Platform } from '../../oci/index.ts';
import type { Vertex } from '../../solver/index.ts';
import type { StepResult } from '../step-result.ts';

/** One step of a stage: a vertex of the graph, and how progress and history speak of it. */
export interface Step {
  readonly vertex: Vertex<StepResult>;
  /** What progress is about, where the vertex only puts its result in its place. */
  readonly work?: Vertex<StepResult>;
  /** The instruction as people read it: `RUN make`, `FROM docker.io/library/alpine`. */
  readonly title: string;
}

/** An entry of the image's history. Those of a step may stand for a layer, others never do. */
export interface HistoryDraft {
  readonly createdBy: string;
  readonly step?: Step;
}

/** What a stage comes to, before anything of it has run. */
export interface LoweredStage {
  readonly index: number;
  /** As progress names it: the stage's name, or `stage-N`. */
  readonly label: string;
  /** What the whole build is for; the stage itself may be for another platform. */
  readonly targetPlatform: Platform;
  /** From the stage's FROM on, FROM included. */
  readonly steps: readonly Step[];
  /** The last vertex: what other stages build on or copy from. */
  readonly tip: Vertex<StepResult>;
  readonly state: StageState;
  /** An entry for each instruction; those of the stages below come first. */
  readonly history: readonly HistoryDraft[];
}

/** What the instructions so far mean for those that follow. */
export interface StageState {
  /** What the stage is built for: that of its base, where FROM says nothing else. */
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly author: string | undefined;
  /** What words are expanded with and a RUN is given: ENV and the declared ARGs that have a value. */
  readonly env: ReadonlyMap<string, string>;
  /** The ARGs that were declared, in order, for the history of RUN. */
  readonly args: readonly string[];
  /** History of the base image, as it has it: it comes before the stage's own. */
  readonly baseHistory: readonly History[];
  readonly ownCommand: boolean;
}
